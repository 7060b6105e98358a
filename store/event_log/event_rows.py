"""Encode, number, insert and read the rows of the `events` table.

The head of a run's stream is the highest sequence number among its events. It is stored nowhere else, so it cannot
disagree with them. A writer locks the row of the run's claim until it commits, so no sequence number is used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, literal_column, select
from sqlalchemy.sql.expression import ClauseElement

from store.database import Store
from store.database.prepared_statements import execute, execute_each, statement
from store.event_log.outbox import note_deliveries
from store.events import Event, Recorded, to_json
from store.projections.projector import project, recorded_from
from store.schema import claims, events
from store.timestamps import utc_now


class PendingEvent(NamedTuple):
    """An encoded event with its cycle, stage and time; it gets its sequence number when it is written."""

    event: Event
    cycle: int | None
    stage: str | None
    at: str
    payload: str


class StreamHead(NamedTuple):
    """The end of a run's event stream: the last sequence number, and the stop request on its claim, if any."""

    stop_requested: str | None
    seq: int


def entries_of(appended: Sequence[Event], cycle: int | None = None, stage: str | None = None) -> list[PendingEvent]:
    """Encode events outside any transaction, so that an invalid event is refused before a lock is taken.

    Events appended together get the same timestamp.

    Raises:
        UnfitEvent: an event holds NaN, infinity or a value that JSON cannot represent.
    """
    at = utc_now()
    return [PendingEvent(event, cycle, stage, at, to_json(event)) for event in appended]


def head_for(connection: Connection, run: str, owner: str, fence: int) -> StreamHead | None:
    """Lock the claim's row and return the head of the run's stream; None unless owner and fence hold the claim."""
    if connection.dialect.name != "sqlite":  # SQLite's write transaction excludes every other writer already
        execute(connection, statement(connection, ("lock claim",), _lock), (run,))
    row = execute(connection, statement(connection, ("head for owner",), _head_for), (run, owner, fence)).fetchone()
    return StreamHead(*row) if row else None


def write_entries(connection: Connection, run: str, head_seq: int, entries: Sequence[PendingEvent]) -> None:
    """Insert entries after the run's head and apply each to the read models."""
    numbered = list(enumerate(entries, start=head_seq + 1))
    insert_events(connection, [(run, seq, cycle, stage, event.event_type, at, payload)
                               for seq, (event, cycle, stage, at, payload) in numbered])
    recorded = [Recorded(run, seq, cycle, stage, at, event) for seq, (event, cycle, stage, at, _) in numbered]
    project(connection, recorded)
    note_deliveries(connection, recorded)


def insert_events(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert complete rows, their values in the order of the table's columns, without updating any read model."""
    execute_each(connection, statement(connection, ("insert event",), _insert), rows)


def append_without_claim(connection: Connection, run: str, *appended: Event, cycle: int | None = None,
                         stage: str | None = None) -> None:
    """Append inside the caller's transaction where no runner holds the run, such as cancelling a queued one."""
    connection.execute(select(claims.c.run).where(claims.c.run == run).with_for_update()).scalar_one()
    head = connection.execute(_highest(run)).scalar_one()
    write_entries(connection, run, head, entries_of(appended, cycle, stage))


def missing_entries(connection: Connection, run: str, entries: Sequence[PendingEvent]) -> list[PendingEvent]:
    """Return the entries that the run's stream does not contain yet, compared by timestamp, kind and payload."""
    stored = connection.execute(select(events.c.at, events.c.kind, events.c.payload).where(
        events.c.run == run, events.c.at.in_({item.at for item in entries}))).all()
    known = {(row.at, row.kind, row.payload) for row in stored}
    return [item for item in entries if (item.at, item.event.event_type, item.payload) not in known]


def read_events(store: Store, run: str, after_seq: int = 0) -> list[Recorded]:
    """Read a run's events in order, those after sequence number `after_seq`."""
    with store.read() as connection:
        rows = connection.execute(select(events).where(events.c.run == run, events.c.seq > after_seq)
                                  .order_by(events.c.seq))
        return [recorded_from(row) for row in rows]


def read_kinds(connection: Connection, run: str, kinds: Sequence[type[Event]], after_seq: int = 0,
               *conditions: ColumnElement[bool]) -> list[Recorded]:
    """Read a run's events of these kinds inside the caller's transaction, oldest first, those after `after_seq`.

    Further conditions on the events leave out what the caller does not need.
    """
    rows = connection.execute(select(events).where(
        events.c.run == run, events.c.seq > after_seq, events.c.kind.in_([kind.event_type for kind in kinds]),
        *conditions)
        .order_by(events.c.seq))
    return [recorded_from(row) for row in rows]


def head_of(store: Store, run: str) -> int:
    """Return the sequence number of a run's last event; 0 if it has none."""
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
