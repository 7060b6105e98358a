"""Number the events of all streams in one order, for programs that read the whole log as it grows.

An event has a sequence number within its stream, and nothing orders two streams: a counter that all share would be one
more page to write in every commit. Numbers are given here when a reader asks, a range for each stream with new events.
They are consecutive from 1, never change and are never used twice. A stream's events keep their order; those of two
streams are in the order in which they were numbered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, true

from store.database import Store
from store.schema import claims, event_numbers, events
from store.timestamps import parse

_NUMBERING_LOCK = 0x57_0E_6
MOST_SCANNED = 50_000
"""A page looks at this many events at most for those that fit a filter."""


class UnknownEventNumber(ValueError):
    """A number is larger than any that this store has given: it is of another store."""


@dataclass(frozen=True)
class NumberedEvent:
    """One event of any stream as it is stored."""

    id: int
    """Its number in the order of all streams, from 1."""
    run: str
    """The run, or another stream: `schedule NAME` for a schedule's events."""
    seq: int
    """Its number within the stream, from 1."""
    kind: str
    at: datetime
    cycle: int | None
    stage: str | None
    payload: dict[str, Any]
    """The fields of the event's class, which its kind names."""


@dataclass(frozen=True)
class EventPage:
    """Events in the order of their numbers."""

    events: list[NumberedEvent]
    next: int
    """The number after which the next page begins."""
    newest: int
    """The largest number given so far."""


def number_new_events(store: Store) -> int:
    """Number the events that have no number yet; return the largest number, 0 for an empty log.

    Writes only where there are any.
    """
    with store.read() as connection:
        newest = _newest(connection)
        if not _unnumbered(connection):
            return newest
    with store.write() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's write transaction is exclusive already
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_NUMBERING_LOCK})"))
        newest = _newest(connection)
        for run, head, numbered in _unnumbered(connection):
            newest += head - numbered
            connection.execute(insert(event_numbers).values(last_number=newest, run=run, first_seq=numbered + 1,
                                                            last_seq=head))
    return newest


def numbered_events(store: Store, after: int, limit: int, run: str = "", kinds: Sequence[str] = ()) -> EventPage:
    """Return up to `limit` numbered events after a number, oldest first.

    Args:
        store: where the events are.
        after: the number of the last event that is known; 0 for none.
        limit: most events of the page; fewer are no sign that there are no more, `next` < `newest` is.
        run: only those of this stream.
        kinds: only those of these kinds.

    Raises:
        UnknownEventNumber: `after` is a number that this store has not given.
    """
    numbers = event_numbers
    number = (numbers.c.last_number - numbers.c.last_seq + events.c.seq).label("number")
    with store.read() as connection:
        newest = _newest(connection)
        if after > newest:
            raise UnknownEventNumber(f"event {after} is not of this store, whose newest event is {newest}: begin with "
                                     "the event 0")
        until = min(newest, after + MOST_SCANNED)
        rows = connection.execute(
            select(number, events).join(events, events.c.run == numbers.c.run)
            .where(events.c.seq.between(numbers.c.first_seq, numbers.c.last_seq),
                   numbers.c.last_number > after, number > after, number <= until,
                   numbers.c.last_number - numbers.c.last_seq + numbers.c.first_seq <= until,
                   events.c.run == run if run else true(), events.c.kind.in_(kinds) if kinds else true())
            .order_by(numbers.c.last_number, events.c.seq).limit(limit)).all()
    found = [NumberedEvent(row.number, row.run, row.seq, row.kind, parse(row.at), row.cycle, row.stage,
                           json.loads(row.payload)) for row in rows]
    return EventPage(found, found[-1].id if len(found) == limit else until, newest)


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(event_numbers.c.last_number))).scalar() or 0


def _unnumbered(connection: Connection) -> list[tuple[str, int, int]]:
    """(stream, its last event, the last one that has a number) of streams with new events, oldest new event first."""
    head = select(func.max(events.c.seq)).where(events.c.run == claims.c.run).scalar_subquery()
    numbered = func.coalesce(select(func.max(event_numbers.c.last_seq)).where(
        event_numbers.c.run == claims.c.run).scalar_subquery(), 0)
    streams = select(claims.c.run, head.label("head"), numbered.label("numbered")).subquery()
    rows = connection.execute(
        select(streams.c.run, streams.c.head, streams.c.numbered, events.c.at)
        .join(events, (events.c.run == streams.c.run) & (events.c.seq == streams.c.numbered + 1))
        .where(streams.c.head > streams.c.numbered).order_by(events.c.at, streams.c.run)).all()
    return [(row.run, row.head, row.numbered) for row in rows]
