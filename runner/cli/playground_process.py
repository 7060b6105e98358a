"""`answer-questions` (internal): answer playground questions, verify exports; started by the supervisor."""

from __future__ import annotations

import argparse

from runner.service.parent_death import die_with_parent
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The owner of the questions, a runner."""
    parser.add_argument("owner")


def run(args: argparse.Namespace) -> int:
    """Answer questions until none is queued for a while, or the parent exits."""
    die_with_parent(args.owner)
    from runner.playground.worker import serve_questions  # late: no slow import before the line above
    from store.database import open_store

    paths = default_paths()
    store = open_store(paths.store_url)
    serve_questions(store, paths, args.owner)
    store.close()
    return 0
