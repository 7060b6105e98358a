"""`serve`: the long-lived runner."""

from __future__ import annotations

import argparse

from store.database import open_store
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do where another runner serves already."""
    parser.add_argument("--stand-by", action="store_true",
                        help="where another runner serves this data folder, wait and take its place when it ends")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from runner.service.serve import serve

    paths = default_paths()
    return serve(open_store(paths.store_url), paths, args.stand_by)
