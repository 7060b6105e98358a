"""`serve`: the long-running runner service."""

from __future__ import annotations

import argparse

from runner.errors import UserError
from store.database import open_store
from store.paths import default_paths

MOST_AT_ONCE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many runs at once, and what to do if another runner already serves."""
    parser.add_argument("--at-once", type=_count, metavar="N", help="the most runs at a time (default: one for each "
                        "GPU; one on a machine without, where N runs share the processor and the memory)")
    parser.add_argument("--stand-by", action="store_true",
                        help="if another runner serves this data folder, wait and take over when it exits")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from runner.pipeline.preflight import artifact_store_errors
    from runner.service.serve import serve

    paths = default_paths()
    if errors := artifact_store_errors(paths):
        raise UserError(errors[0])
    return serve(open_store(paths.store_url), paths, args.stand_by, args.at_once)


def _count(text: str) -> int:
    """Read the most runs at once.

    Raises:
        argparse.ArgumentTypeError: it is no whole number from 1 to 64.
    """
    if not text.isdecimal() or not 1 <= int(text) <= MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs: use 1 to {MOST_AT_ONCE}")
    return int(text)
