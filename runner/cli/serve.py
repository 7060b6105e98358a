"""`serve`: the long-running runner service."""

from __future__ import annotations

import argparse

from store.database import open_store
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do if another runner already serves."""
    parser.add_argument("--stand-by", action="store_true",
                        help="if another runner serves this data folder, wait and take over when it exits")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from runner.service.serve import serve

    paths = default_paths()
    return serve(open_store(paths.store_url), paths, args.stand_by)
