"""`answer-questions`: what the supervisor starts; answers what people ask on the page Playground. Not for people."""

from __future__ import annotations

import argparse

from runner.lifeline import end_with_parent
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """In whose name."""
    one.add_argument("owner")


def carry_out(options: argparse.Namespace) -> int:
    """Answer for as long as the parent lives and somebody asks."""
    end_with_parent(options.owner)
    from runner.answering import answer_questions  # late: nothing slow before the line above
    from store.database import open_store

    places = locations()
    store = open_store(places.store_url)
    answer_questions(store, places, options.owner)
    store.close()
    return 0
