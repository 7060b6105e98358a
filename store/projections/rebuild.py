"""Rebuild the read models by replaying the event log."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from store import schema
from store.projections.projector import project, recorded_from

_ROWS_PER_FETCH = 1000


def rebuild(connection: Connection) -> int:
    """Empty every read model and replay all events; return the number of events."""
    for table in schema.READ_MODELS:
        connection.execute(delete(table))
    count = 0
    rows = connection.execute(select(schema.events).order_by(schema.events.c.run, schema.events.c.seq),
                              execution_options={"yield_per": _ROWS_PER_FETCH})
    for part in rows.partitions():
        project(connection, [recorded_from(row) for row in part])
        count += len(part)
    return count
