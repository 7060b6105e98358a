"""The event log as people read it: the newest events of a run, and what went wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, true

from store import schema
from store import events as happened
from store.database import Store
from store.timestamps import parse

_INCIDENTS = (happened.RecoveryTaken.event_type, happened.StageFailed.event_type, happened.RunFailed.event_type)
# Whole question sets and answers are read through `answers_of`; a log line needs their kind alone.
_MAX_PAYLOAD_LENGTH = 20_000


@dataclass(frozen=True)
class LogEntry:
    """One line of the log; `event` is None where the payload is too long for a log."""

    id: int
    """Its sequence number within the run."""
    at: datetime
    cycle: int | None
    stage: str | None
    kind: str
    event: happened.Event | None


def latest_events(store: Store, run: str, limit: int | None = 100) -> list[LogEntry]:
    """The newest events of a run, newest first, without series and progress counts; all of them without a limit."""
    return _newest(store, run, true(), limit)


def latest_event(store: Store, run: str) -> int:
    """The number of the newest event that is worth a line in the log; 0 where there is none."""
    table = schema.events
    statement = (select(table.c.seq).where(table.c.run == run, schema.worth_a_line)
                 .order_by(table.c.seq.desc()).limit(1))
    with store.read() as connection:
        return connection.execute(statement).scalar() or 0


def incidents(store: Store, run: str, limit: int = 100) -> list[LogEntry]:
    """Errors met and recoveries taken, newest first."""
    return _newest(store, run, schema.events.c.kind.in_(_INCIDENTS), limit)


def _newest(store: Store, run: str, condition: Any, limit: int | None) -> list[LogEntry]:
    table = schema.events
    payload = case((func.length(table.c.payload) <= _MAX_PAYLOAD_LENGTH, table.c.payload)).label("payload")
    statement = (select(table.c.seq, table.c.at, table.c.cycle, table.c.stage, table.c.kind, payload)
                 .where(table.c.run == run, schema.worth_a_line, condition).order_by(table.c.seq.desc()).limit(limit))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [LogEntry(row.seq, parse(row.at), row.cycle, row.stage, row.kind, _decoded(row.kind, row.payload))
            for row in rows]


def _decoded(kind: str, payload: str | None) -> happened.Event | None:
    return happened.from_json(kind, payload) if payload is not None and kind in happened.KINDS else None
