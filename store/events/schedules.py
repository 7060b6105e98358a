"""Recurring runs: agreed on, changed, due. Each schedule has a stream of its own, `schedule:NAME`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.events.event_type import Event


@dataclass(frozen=True)
class ScheduleAdded(Event, event_type="ScheduleAdded"):
    """Somebody wants a run again and again."""

    name: str
    cron: str | None
    every_seconds: int | None
    zone: str
    config: dict[str, Any]
    skip_if_queued: bool
    priority: int
    added_by: str
    next_due_at: str


@dataclass(frozen=True)
class SchedulePaused(Event, event_type="SchedulePaused"):
    """It is due no more until somebody resumes it."""


@dataclass(frozen=True)
class ScheduleResumed(Event, event_type="ScheduleResumed"):
    """It is due again, from now on; what would have been due meanwhile is not made up for."""

    next_due_at: str


@dataclass(frozen=True)
class ScheduleRemoved(Event, event_type="ScheduleRemoved"):
    """It is gone; the runs that it started stay."""


@dataclass(frozen=True)
class ScheduleFired(Event, event_type="ScheduleFired"):
    """It was due, and a run was queued."""

    due_at: str
    run: str
    next_due_at: str


@dataclass(frozen=True)
class ScheduleSkipped(Event, event_type="ScheduleSkipped"):
    """It was due, and no run was queued, because one is queued or at work already."""

    due_at: str
    reason: str
    next_due_at: str


@dataclass(frozen=True)
class ScheduleMissed(Event, event_type="ScheduleMissed"):
    """It was due so many times, and nobody was there to see it in time."""

    first_due_at: str
    last_due_at: str
    times: int
    reason: str
    next_due_at: str


@dataclass(frozen=True)
class ScheduleFailed(Event, event_type="ScheduleFailed"):
    """It was due, and its run could not be queued."""

    due_at: str
    message: str
    next_due_at: str
