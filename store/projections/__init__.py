"""How each event changes the read models, in the event's own transaction; and the rebuild from nothing.

One function a kind, in a file a subject, found through `APPLY`. An event without an entry changes no read model.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from store import events as happened
from store import schema
from store.clock import parse
from store.events import Recorded
from store.projections import answers, arms, results, runs, schedules, stages, teaching
from store.projections.writing import Apply

APPLY: dict[type[happened.Event], Apply] = {
    kind: apply for subject in (runs, stages, teaching, answers, results, arms, schedules)
    for kind, apply in subject.APPLY.items()
}


def project(connection: Connection, recorded: Recorded) -> None:
    """Apply one event to the read models."""
    apply = APPLY.get(type(recorded.event))
    if apply:
        apply(connection, recorded, recorded.event)


def rebuild(connection: Connection) -> int:
    """Empty every read model and replay all events; returns how many there were."""
    for table in schema.READ_MODELS:
        connection.execute(delete(table))
    count = 0
    for row in connection.execute(select(schema.events).order_by(schema.events.c.id)):
        project(connection, recorded_from(row))
        count += 1
    return count


def recorded_from(row: Any) -> Recorded:
    """An events row as the event that it holds."""
    return Recorded(row.id, row.run, row.seq, row.cycle, row.stage, parse(row.at),
                    happened.from_json(row.kind, row.payload))
