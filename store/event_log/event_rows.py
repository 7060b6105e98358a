"""Rows of a run's events: encoding, the head that the next one follows, insertion, reading.

A run's head is the highest sequence number among its events and is kept nowhere else, so it cannot be wrong. Who
adds to a run holds the row of its claim until the commit, so two never take the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select
from sqlalchemy.sql.expression import ClauseElement

from store.database import Store
from store.database.prepared_statements import execute, execute_each, statement
from store.events import Event, Recorded, to_json
from store.projections import project, recorded_from
from store.schema import claims, events
from store.timestamps import utc_now


class PendingEvent(NamedTuple):
    """An event with its place in the run, ready to be written."""

    event: Event
    cycle: int | None
    stage: str | None
    at: str
    payload: str


class StreamHead(NamedTuple):
    """Where a run stands: the sequence number of its last event, and whether somebody asked it to stop."""

    stop_requested: str | None
    seq: int


def entries_of(happened: Sequence[Event], cycle: int | None = None, stage: str | None = None) -> list[PendingEvent]:
    """Encode now, outside any transaction, so that an unfit event is refused before anything is held.

    What is told together has happened at one moment.
    """
    at = utc_now()
    return [PendingEvent(event, cycle, stage, at, to_json(event)) for event in happened]


def head_for(connection: Connection, run: str, owner: str, fence: int) -> StreamHead | None:
    """A run's head for the holder of its claim, whose row is locked from here on; None for anybody else."""
    if connection.dialect.name != "sqlite":  # there the transaction itself excludes every other writer
        execute(connection, statement(connection, ("lock claim",), _lock), (run,))
    row = execute(connection, statement(connection, ("head for owner",), _head_for), (run, owner, fence)).fetchone()
    return StreamHead(*row) if row else None


def write_entries(connection: Connection, run: str, head_seq: int, entries: Sequence[PendingEvent]) -> None:
    """Insert entries after the run's head and project each."""
    numbered = list(enumerate(entries, start=head_seq + 1))
    insert_events(connection, [(run, seq, cycle, stage, event.event_type, at, payload)
                               for seq, (event, cycle, stage, at, payload) in numbered])
    project(connection, [Recorded(run, seq, cycle, stage, at, event)
                         for seq, (event, cycle, stage, at, _) in numbered])


def insert_events(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert finished rows, their values in the order of the table's columns; no read model hears of them."""
    execute_each(connection, statement(connection, ("insert event",), _insert), rows)


def append_without_claim(connection: Connection, run: str, *happened: Event, cycle: int | None = None) -> None:
    """Append inside the caller's transaction where no runner is involved, such as cancelling a queued run."""
    connection.execute(select(claims.c.run).where(claims.c.run == run).with_for_update()).scalar_one()
    head = connection.execute(_highest(run)).scalar_one()
    write_entries(connection, run, head, entries_of(happened, cycle))


def missing_entries(connection: Connection, run: str, entries: Sequence[PendingEvent]) -> list[PendingEvent]:
    """Those of the entries that are not among the run's events: told by their moment, kind and payload together."""
    there = connection.execute(select(events.c.at, events.c.kind, events.c.payload).where(
        events.c.run == run, events.c.at.in_({item.at for item in entries}))).all()
    known = {(row.at, row.kind, row.payload) for row in there}
    return [item for item in entries if (item.at, item.event.event_type, item.payload) not in known]


def read_events(store: Store, run: str, after_seq: int = 0) -> list[Recorded]:
    """A run's events in order, from beyond a sequence number on."""
    with store.read() as connection:
        rows = connection.execute(select(events).where(events.c.run == run, events.c.seq > after_seq)
                                  .order_by(events.c.seq))
        return [recorded_from(row) for row in rows]


def head_of(store: Store, run: str) -> int:
    """The sequence number of a run's last event; 0 where there is none."""
    with store.read() as connection:
        return connection.execute(_highest(run)).scalar_one()


def _insert() -> ClauseElement:
    return insert(events).values({column.name: bindparam(column.name) for column in events.columns})


def _highest(run: Any) -> Any:
    return select(func.coalesce(func.max(events.c.seq), literal_column("0"))).where(events.c.run == run)


def _lock() -> ClauseElement:
    return select(claims.c.run).where(claims.c.run == bindparam("run_")).with_for_update()


def _head_for() -> ClauseElement:
    return select(claims.c.stop_requested, _highest(claims.c.run).scalar_subquery()).where(
        claims.c.run == bindparam("run_"), claims.c.owner == bindparam("owner_"),
        claims.c.fence == bindparam("fence_"))
