"""Project schedules: their settings, when each is due next, and the outcome of the last occurrence."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, update

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, moment, upsert

STREAM = "schedule:"
"""Prefix of the name of a schedule's event stream."""


def _added(connection: Connection, recorded: Recorded, event: events.ScheduleAdded) -> None:
    upsert(connection, schema.schedules, [{
        "name": event.name, "cron": event.cron, "every_seconds": event.every_seconds, "zone": event.zone,
        "config": json.dumps(event.config, sort_keys=True), "skip_if_queued": event.skip_if_queued,
        "priority": event.priority, "added_by": event.added_by, "added_at": moment(recorded), "enabled": True,
        "next_due_at": event.next_due_at, "last_due_at": None, "last_outcome": None, "last_run": None,
        "last_message": None}])


def _paused(connection: Connection, recorded: Recorded, event: events.SchedulePaused) -> None:
    _set(connection, recorded, enabled=False, next_due_at=None)


def _resumed(connection: Connection, recorded: Recorded, event: events.ScheduleResumed) -> None:
    _set(connection, recorded, enabled=True, next_due_at=event.next_due_at)


def _removed(connection: Connection, recorded: Recorded, event: events.ScheduleRemoved) -> None:
    connection.execute(delete(schema.schedules).where(schema.schedules.c.name == _name(recorded)))


def _fired(connection: Connection, recorded: Recorded, event: events.ScheduleFired) -> None:
    _came_to(connection, recorded, "fired", event.due_at, event.next_due_at, None, last_run=event.run)


def _skipped(connection: Connection, recorded: Recorded, event: events.ScheduleSkipped) -> None:
    _came_to(connection, recorded, "skipped", event.due_at, event.next_due_at, event.reason)


def _missed(connection: Connection, recorded: Recorded, event: events.ScheduleMissed) -> None:
    _came_to(connection, recorded, "missed", event.last_due_at, event.next_due_at, event.reason)


def _failed(connection: Connection, recorded: Recorded, event: events.ScheduleFailed) -> None:
    _came_to(connection, recorded, "failed", event.due_at, event.next_due_at, event.message)


def _came_to(connection: Connection, recorded: Recorded, outcome: str, due_at: str, next_due_at: str,
             message: str | None, **more: Any) -> None:
    _set(connection, recorded, last_outcome=outcome, last_due_at=due_at, next_due_at=next_due_at,
         last_message=message, **more)


def _set(connection: Connection, recorded: Recorded, **values: Any) -> None:
    table = schema.schedules
    connection.execute(update(table).where(table.c.name == _name(recorded)).values(**values))


def _name(recorded: Recorded) -> str:
    return recorded.run.removeprefix(STREAM)


APPLY: dict[type[events.Event], Apply] = {
    events.ScheduleAdded: _added,
    events.SchedulePaused: _paused,
    events.ScheduleResumed: _resumed,
    events.ScheduleRemoved: _removed,
    events.ScheduleFired: _fired,
    events.ScheduleSkipped: _skipped,
    events.ScheduleMissed: _missed,
    events.ScheduleFailed: _failed,
}
