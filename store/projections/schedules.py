"""A schedule's own row: what was agreed, when it is due next, and what came of it last."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, update

from store import schema
from store import events as happened
from store.events import Recorded
from store.projections.row_updates import Apply, moment, upsert

STREAM = "schedule:"
"""What the name of a schedule's stream of events begins with."""


def _added(connection: Connection, recorded: Recorded, event: happened.ScheduleAdded) -> None:
    upsert(connection, schema.schedules, [{
        "name": event.name, "cron": event.cron, "every_seconds": event.every_seconds, "zone": event.zone,
        "config": json.dumps(event.config, sort_keys=True), "skip_if_queued": event.skip_if_queued,
        "priority": event.priority, "added_by": event.added_by, "added_at": moment(recorded), "enabled": True,
        "next_due_at": event.next_due_at, "last_due_at": None, "last_outcome": None, "last_run": None,
        "last_message": None}])


def _paused(connection: Connection, recorded: Recorded, event: happened.SchedulePaused) -> None:
    _set(connection, recorded, enabled=False, next_due_at=None)


def _resumed(connection: Connection, recorded: Recorded, event: happened.ScheduleResumed) -> None:
    _set(connection, recorded, enabled=True, next_due_at=event.next_due_at)


def _removed(connection: Connection, recorded: Recorded, event: happened.ScheduleRemoved) -> None:
    connection.execute(delete(schema.schedules).where(schema.schedules.c.name == _name(recorded)))


def _fired(connection: Connection, recorded: Recorded, event: happened.ScheduleFired) -> None:
    _came_to(connection, recorded, "fired", event.due_at, event.next_due_at, None, last_run=event.run)


def _skipped(connection: Connection, recorded: Recorded, event: happened.ScheduleSkipped) -> None:
    _came_to(connection, recorded, "skipped", event.due_at, event.next_due_at, event.reason)


def _missed(connection: Connection, recorded: Recorded, event: happened.ScheduleMissed) -> None:
    _came_to(connection, recorded, "missed", event.last_due_at, event.next_due_at, event.reason)


def _failed(connection: Connection, recorded: Recorded, event: happened.ScheduleFailed) -> None:
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


APPLY: dict[type[happened.Event], Apply] = {
    happened.ScheduleAdded: _added,
    happened.SchedulePaused: _paused,
    happened.ScheduleResumed: _resumed,
    happened.ScheduleRemoved: _removed,
    happened.ScheduleFired: _fired,
    happened.ScheduleSkipped: _skipped,
    happened.ScheduleMissed: _missed,
    happened.ScheduleFailed: _failed,
}
