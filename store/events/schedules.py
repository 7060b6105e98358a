"""Events of schedules (recurring runs). Each schedule has an event stream of its own, `schedule:NAME`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.events.event_type import Event


@dataclass(frozen=True)
class ScheduleAdded(Event, event_type="ScheduleAdded"):
    """A schedule was added."""

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
    """The schedule was paused: it does not trigger until it is resumed."""


@dataclass(frozen=True)
class ScheduleResumed(Event, event_type="ScheduleResumed"):
    """The schedule was resumed; occurrences during the pause are not made up for."""

    next_due_at: str


@dataclass(frozen=True)
class ScheduleRemoved(Event, event_type="ScheduleRemoved"):
    """The schedule was removed; the runs that it started stay."""


@dataclass(frozen=True)
class ScheduleFired(Event, event_type="ScheduleFired"):
    """The schedule was due, and its run was queued."""

    due_at: str
    run: str
    next_due_at: str


@dataclass(frozen=True)
class ScheduleSkipped(Event, event_type="ScheduleSkipped"):
    """The schedule was due, but no run was queued, because one of it is queued or running already."""

    due_at: str
    reason: str
    next_due_at: str


@dataclass(frozen=True)
class ScheduleMissed(Event, event_type="ScheduleMissed"):
    """The schedule was due `times` times while no runner was online."""

    first_due_at: str
    last_due_at: str
    times: int
    reason: str
    next_due_at: str


@dataclass(frozen=True)
class ScheduleFailed(Event, event_type="ScheduleFailed"):
    """The schedule was due, but its run could not be queued."""

    due_at: str
    message: str
    next_due_at: str
