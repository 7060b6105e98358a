"""Query what each cycle of a run trained on: study items by form, coverage of key terms, what was not as planned."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store import schema
from store.database import Store
from store.events import StudySetPrepared, from_json


@dataclass(frozen=True)
class StudySet:
    """The training set of one cycle."""

    cycle: int
    prepared: StudySetPrepared


def study_sets_of(store: Store, run: str) -> list[StudySet]:
    """Return a run's training sets by cycle; empty for runs that prepare none."""
    table = schema.events
    statement = (select(table.c.cycle, table.c.payload)
                 .where(table.c.run == run, table.c.kind == StudySetPrepared.event_type).order_by(table.c.seq))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    found = {row.cycle: event for row in rows
             if isinstance(event := from_json(StudySetPrepared.event_type, row.payload), StudySetPrepared)}
    return [StudySet(cycle, found[cycle]) for cycle in sorted(found)]
