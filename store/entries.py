"""Rows of a run's events: encoding, the head that the next one follows, insertion, reading.

A run's head is the highest sequence number among its events and is kept nowhere else, so it cannot be wrong. Who
adds to a run holds the row of its claim until the commit, so two never take the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select
from sqlalchemy.sql.expression import ClauseElement

from store.clock import as_text
from store.database import Store
from store.driver import execute, execute_each, sql_of
from store.events import Event, Recorded, to_json
from store.projections import project, recorded_from
from store.schema import claims, events

class Entry(NamedTuple):
    """An event with its place in the run, ready to be written."""

    event: Event
    cycle: int | None
    stage: str | None
    at: datetime
    payload: str


class Head(NamedTuple):
    """Where a run stands: the sequence number of its last event, and whether somebody asked it to stop."""

    stop_requested: str | None
    seq: int


def entry(event: Event, cycle: int | None = None, stage: str | None = None) -> Entry:
    """Encode now, outside any transaction, so that an unfit event is refused before anything is held."""
    return Entry(event, cycle, stage, datetime.now(UTC), to_json(event))


def head_for(connection: Connection, run: str, owner: str, fence: int) -> Head | None:
    """A run's head for the holder of its claim, whose row is locked from here on; None for anybody else."""
    values = {"run_": run, "owner_": owner, "fence_": fence}
    if connection.dialect.name != "sqlite":  # there the transaction itself excludes every other writer
        execute(connection, sql_of(connection, ("lock claim",), _lock), {"run_": run})
    row = execute(connection, sql_of(connection, ("head for owner",), _head_for), values).fetchone()
    return Head(*row) if row else None


def write_entries(connection: Connection, run: str, head_seq: int, entries: Sequence[Entry]) -> None:
    """Insert entries after the run's head and project each."""
    rows = [{"run": run, "seq": seq, "cycle": item.cycle, "stage": item.stage, "kind": type(item.event).__name__,
             "at": as_text(item.at), "payload": item.payload} for seq, item in enumerate(entries, start=head_seq + 1)]
    execute_each(connection, sql_of(connection, ("insert event",), _insert), rows)
    project(connection, [Recorded(run, seq, item.cycle, item.stage, item.at, item.event)
                         for seq, item in enumerate(entries, start=head_seq + 1)])


def append_unowned(connection: Connection, run: str, *happened: Event, cycle: int | None = None) -> None:
    """Append inside the caller's transaction where no runner is involved, such as cancelling a queued run."""
    connection.execute(select(claims.c.run).where(claims.c.run == run).with_for_update()).scalar_one()
    head = connection.execute(_highest(run)).scalar_one()
    write_entries(connection, run, head, [entry(event, cycle) for event in happened])


def not_written_yet(connection: Connection, run: str, entries: Sequence[Entry]) -> list[Entry]:
    """Those of the entries that are not among the run's events: told by their moment, kind and payload together."""
    moments = [as_text(item.at) for item in entries]
    there = connection.execute(select(events.c.at, events.c.kind, events.c.payload).where(
        events.c.run == run, events.c.at.in_(moments))).all()
    known = {(row.at, row.kind, row.payload) for row in there}
    return [item for item, at in zip(entries, moments, strict=True)
            if (at, type(item.event).__name__, item.payload) not in known]


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
