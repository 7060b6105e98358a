"""`download`: a student from a hub into the local cache."""

from __future__ import annotations

import argparse

from runner.commands.bad_input import BadInput


def options(one: argparse.ArgumentParser) -> None:
    """Which model."""
    one.add_argument("model", help="a Hugging Face id such as microsoft/phi-2")
    one.add_argument("--revision", metavar="COMMIT", help="a commit or branch (default: the newest, named when done)")


def carry_out(options: argparse.Namespace) -> int:
    """Fetch it, with progress; a second call fetches what the first did not finish."""
    from runner.student.errors import ModelLoadFailed
    from runner.student.hub import endpoint, fetch, look_up

    try:
        offer = look_up(options.model, options.revision)
        print(f"{offer.model} at {offer.revision}: {len(offer.files)} files, {offer.size_bytes / 1e9:.2f} GB, "
              f"from {endpoint()}", flush=True)
        folder = fetch(offer)
    except ModelLoadFailed as error:
        raise BadInput(str(error)) from error
    print(f"{folder}\nuse it with --student {offer.model}")
    return 0
