"""Recurring runs as they stand now. What happened to one is read as any log, through `happenings(store, stream)`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from store import schema
from store.commands.recurrence import Recurrence
from store.config import RunConfig, from_json
from store.database import Store
from store.projections.schedules import STREAM
from store.queries.row_mapping import values_of


@dataclass(frozen=True)
class Schedule:
    """A recurring run: when, what, and what came of it last."""

    name: str
    cron: str | None
    every_seconds: int | None
    zone: str
    config: RunConfig
    skip_if_queued: bool
    priority: int
    added_by: str
    added_at: datetime
    enabled: bool
    next_due_at: datetime | None
    """None while it is paused."""
    last_due_at: datetime | None
    last_outcome: str | None
    """fired, skipped, missed or failed; None before it was ever due."""
    last_run: str | None
    last_message: str | None
    """Why it was skipped, missed or failed the last time."""

    @property
    def timing(self) -> Recurrence:
        return Recurrence(self.cron, self.every_seconds, self.zone)

    @property
    def stream(self) -> str:
        """The name under which `latest_events` finds this schedule's events."""
        return STREAM + self.name


def schedules(store: Store) -> list[Schedule]:
    """All schedules, by name."""
    with store.read() as connection:
        rows = connection.execute(select(schema.schedules).order_by(schema.schedules.c.name)).all()
    return [_schedule(values_of(row)) for row in rows]


def find_schedule(store: Store, name: str) -> Schedule | None:
    """One schedule, or None."""
    return next((schedule for schedule in schedules(store) if schedule.name == name), None)


def _schedule(values: dict[str, Any]) -> Schedule:
    return Schedule(**values | {"config": from_json(values["config"])})
