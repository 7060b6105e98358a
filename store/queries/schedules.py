"""Query the current state of schedules. A schedule's history is read through `latest_events(store, stream)`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from store import schema
from store.commands.recurrence import Recurrence
from store.database import Store
from store.projections.schedules import STREAM
from store.queries.row_mapping import values_of
from store.run_config import RunConfig, from_json


@dataclass(frozen=True)
class Schedule:
    """A schedule: its recurrence, the configuration of its runs, and the outcome of its last occurrence."""

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
    """None while paused."""
    last_due_at: datetime | None
    last_outcome: str | None
    """fired, skipped, missed or failed; None before its first occurrence."""
    last_run: str | None
    last_message: str | None
    """Why the last occurrence was skipped, missed or failed."""

    @property
    def timing(self) -> Recurrence:
        return Recurrence(self.cron, self.every_seconds, self.zone)

    @property
    def stream(self) -> str:
        """The name under which `latest_events` finds this schedule's events."""
        return STREAM + self.name


def schedules(store: Store) -> list[Schedule]:
    """Return all schedules, by name."""
    with store.read() as connection:
        rows = connection.execute(select(schema.schedules).order_by(schema.schedules.c.name)).all()
    return [_schedule(values_of(row)) for row in rows]


def find_schedule(store: Store, name: str) -> Schedule | None:
    """Return one schedule, or None."""
    return next((schedule for schedule in schedules(store) if schedule.name == name), None)


def _schedule(values: dict[str, Any]) -> Schedule:
    return Schedule(**values | {"config": from_json(values["config"])})
