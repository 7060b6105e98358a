"""`download`: fetch a student from the Hugging Face Hub into the local cache."""

from __future__ import annotations

import argparse

from runner.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model and its revision."""
    parser.add_argument("model", help="a Hugging Face id such as microsoft/phi-2")
    parser.add_argument("--revision", metavar="COMMIT",
                        help="a commit or branch (default: the latest commit, which is printed)")


def run(args: argparse.Namespace) -> int:
    """Download with progress; a second call resumes the first."""
    from runner.student.errors import ModelLoadFailed
    from runner.student.models.hub import download, endpoint, find_model

    try:
        offer = find_model(args.model, args.revision)
        print(f"{offer.model} at {offer.revision}: {len(offer.files)} files, {offer.size_bytes / 1e9:.2f} GB, "
              f"from {endpoint()}", flush=True)
        folder = download(offer)
    except ModelLoadFailed as error:
        raise UserError(str(error)) from error
    print(f"{folder}\nuse it with --student {offer.model}")
    return 0
