"""`answer-questions`: what the supervisor starts; answers what people ask on the page Playground. Not for people."""

from __future__ import annotations

import argparse

from runner.service.process_lock import die_with_parent
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """In whose name."""
    parser.add_argument("owner")


def run(args: argparse.Namespace) -> int:
    """Answer for as long as the parent lives and somebody asks."""
    die_with_parent(args.owner)
    from runner.playground.worker import serve_questions  # late: nothing slow before the line above
    from store.database import open_store

    paths = default_paths()
    store = open_store(paths.store_url)
    serve_questions(store, paths, args.owner)
    store.close()
    return 0
