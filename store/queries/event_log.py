"""Query the event log for display: a run's latest events, and its errors and recoveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select

from store import events, schema
from store.database import Store
from store.event_log.event_rows import read_kinds
from store.timestamps import parse

_INCIDENTS = tuple(kind.event_type for kind in (
    events.RecoveryTaken, events.EndpointOptionRefused, events.KnowledgeChanged, events.StageFailed, events.RunFailed))
# Whole question sets and answers are read through `answers_of`; a log line needs only their kind. A training set's line
# says what was not as planned, whatever its length.
_MAX_PAYLOAD_LENGTH = 20_000


@dataclass(frozen=True)
class LogEntry:
    """One line of the log; `event` is None if its payload is too long for a log, or of an unknown kind."""

    id: int
    """The event's sequence number within the run."""
    at: datetime
    cycle: int | None
    stage: str | None
    kind: str
    event: events.Event | None


def latest_events(store: Store, run: str, limit: int | None = 100) -> list[LogEntry]:
    """Return a run's events, newest first; all of them if `limit` is None. Without metrics, progress and samples."""
    return _newest(store, run, schema.events.c.kind != events.AnswerSampled.event_type, limit)


def events_of_kinds(store: Store, run: str, kinds: Sequence[type[events.Event]]) -> list[events.Recorded]:
    """Return a run's events of these kinds whole, oldest first."""
    with store.read() as connection:
        return read_kinds(connection, run, kinds)


def latest_event(store: Store, run: str) -> int:
    """Return the sequence number of a run's newest event that is shown in the log; 0 if there is none."""
    table = schema.events
    statement = (select(table.c.seq).where(table.c.run == run, schema.worth_a_line)
                 .order_by(table.c.seq.desc()).limit(1))
    with store.read() as connection:
        return connection.execute(statement).scalar() or 0


def incidents(store: Store, run: str, limit: int = 100) -> list[LogEntry]:
    """Return a run's errors and recoveries, newest first."""
    return _newest(store, run, schema.events.c.kind.in_(_INCIDENTS), limit)


def _newest(store: Store, run: str, condition: Any, limit: int | None) -> list[LogEntry]:
    table = schema.events
    short = or_(func.length(table.c.payload) <= _MAX_PAYLOAD_LENGTH, table.c.kind == events.StudySetPrepared.event_type)
    payload = case((short, table.c.payload)).label("payload")
    statement = (select(table.c.seq, table.c.at, table.c.cycle, table.c.stage, table.c.kind, payload)
                 .where(table.c.run == run, schema.worth_a_line, condition).order_by(table.c.seq.desc()).limit(limit))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [LogEntry(row.seq, parse(row.at), row.cycle, row.stage, row.kind, _decoded(row.kind, row.payload))
            for row in rows]


def _decoded(kind: str, payload: str | None) -> events.Event | None:
    return events.from_json(kind, payload) if payload is not None and kind in events.KINDS else None
