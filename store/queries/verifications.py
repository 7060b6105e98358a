"""Query the verifications of a run's exports: those that people asked for, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from store import schema
from store.commands.claimed_queue import ANSWERING, WAITING
from store.database import Store
from store.events import ExportVerified
from store.queries.event_log import events_of_kinds
from store.queries.row_mapping import values_of

_FIELDS = ("id", "run", "cycle", "artefact", "engine", "model", "requested_by", "requested_at", "state", "error",
           "progress", "ended_at", "attempts")


@dataclass(frozen=True)
class VerificationRequest:
    """A verification that somebody asked for on a page."""

    id: int
    run: str
    cycle: int
    artefact: str
    engine: str
    model: str
    requested_by: str
    requested_at: datetime
    state: str
    """waiting, answering, done or failed."""
    error: str | None
    progress: str | None
    """How far it is, in words."""
    ended_at: datetime | None
    attempts: int

    @property
    def active(self) -> bool:
        return self.state in (WAITING, ANSWERING)


@dataclass(frozen=True)
class Verified:
    """An export that answered a run's locked test."""

    cycle: int
    at: datetime
    found: ExportVerified


def verification_requests(store: Store, run: str, limit: int = 20) -> list[VerificationRequest]:
    """Return the newest requests of a run, newest first."""
    table = schema.verifications
    with store.read() as connection:
        rows = connection.execute(select(*(table.c[name] for name in _FIELDS)).where(table.c.run == run).order_by(
            table.c.id.desc()).limit(limit)).all()
    return [VerificationRequest(**values_of(row)) for row in rows]


def verified_exports(store: Store, run: str) -> list[Verified]:
    """Return what was found of a run's exports, newest first."""
    return [Verified(item.cycle or 0, item.at, item.event)
            for item in reversed(events_of_kinds(store, run, [ExportVerified]))
            if isinstance(item.event, ExportVerified)]
