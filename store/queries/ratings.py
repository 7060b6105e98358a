"""Query people's ratings of answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store import schema
from store.database import Store
from store.queries.row_mapping import rows_of
from store.timestamps import parse


@dataclass(frozen=True)
class Rating:
    """One person's rating of one question in one cycle: the tuned answer is better, worse, or the same."""

    cycle: int
    question: str
    rater: str
    rating: str
    blind: bool
    left_arm: str
    note: str
    at: datetime


def ratings_of(store: Store, run: str) -> list[Rating]:
    """Return a run's ratings by cycle, in the order in which they were given."""
    table = schema.ratings
    return [Rating(row.cycle, row.question, row.rater, row.rating, row.blind, row.left_arm, row.note, parse(row.at))
            for row in rows_of(store, table, run, table.c.cycle, table.c.at)]
