"""Add, pause, resume and remove schedules (recurring runs), and trigger the due ones. A trigger only queues a run.

Due schedules are processed here with one transaction per schedule, so that each occurrence has exactly one outcome,
whichever runners poll, how often, and whenever one is killed.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from store.commands.recurrence import Recurrence, next_due, occurrences, timing_errors
from store.commands.runs import CommandRefused, launch_in_transaction
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import (
    Event, ScheduleAdded, ScheduleFailed, ScheduleFired, ScheduleMissed, SchedulePaused, ScheduleRemoved,
    ScheduleResumed, ScheduleSkipped,
)
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.projections.schedules import STREAM
from store.run_config import InvalidConfig, RunConfig, from_json
from store.config_checks import check
from store.schema import claims, runs, schedules
from store.timestamps import parse

GRACE_SECONDS = 600.0
"""An occurrence is made up for up to this late; after that it counts as missed."""
LaunchErrors = Callable[[RunConfig], list[str]]
_MAX_COUNTED = 10_000
"""Missed occurrences are counted up to this number."""


class InvalidSchedule(ValueError):
    """One or more values are invalid; `errors` holds a sentence for each of them."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def add(store: Store, name: str, timing: Recurrence, config: RunConfig, added_by: str, skip_if_queued: bool = True,
        priority: int = 0, role: Role = Role.OPERATOR) -> None:
    """Add a schedule.

    Raises:
        PermissionDenied: the role may not change schedules.
        InvalidSchedule: any invalid value, or a name that exists already; nothing was written.
    """
    require_permission(role, "schedule")
    errors = [*_name_errors(name), *timing_errors(timing), *_config_errors(config)]
    if errors:
        raise InvalidSchedule(errors)
    now = datetime.now(UTC)
    with store.write() as connection:
        if _row(connection, name) is not None:
            raise InvalidSchedule([f"there is a schedule {name!r} already: remove it first, or choose another name"])
        if connection.execute(select(claims.c.run).where(claims.c.run == STREAM + name)).scalar() is None:
            connection.execute(insert(claims).values(run=STREAM + name, fence=0, attempt=0))
        append_without_claim(connection, STREAM + name, ScheduleAdded(
            name, timing.cron, timing.every_seconds, timing.zone, dataclasses.asdict(config), skip_if_queued, priority,
            added_by, _text(next_due(timing, now, now))))


def pause(store: Store, name: str, role: Role = Role.OPERATOR) -> None:
    """Pause a schedule; no effect if it is paused already.

    Raises:
        PermissionDenied: the role may not change schedules.
        CommandRefused: there is no such schedule.
    """
    require_permission(role, "schedule")
    with store.write() as connection:
        if _known(connection, name).enabled:
            append_without_claim(connection, STREAM + name, SchedulePaused())


def resume(store: Store, name: str, role: Role = Role.OPERATOR) -> None:
    """Resume a schedule from now on, without making up for occurrences during the pause.

    Raises:
        PermissionDenied: the role may not change schedules.
        CommandRefused: there is no such schedule, or its timing is not valid (any more).
    """
    require_permission(role, "schedule")
    with store.write() as connection:
        row = _known(connection, name)
        if errors := timing_errors(timing_of(row)):
            raise CommandRefused(f"schedule {name!r} cannot be resumed: {'; '.join(errors)}")
        if not row.enabled:
            now = datetime.now(UTC)
            append_without_claim(connection, STREAM + name, ScheduleResumed(_text(next_due(timing_of(row), now, now))))


def remove(store: Store, name: str, role: Role = Role.OPERATOR) -> None:
    """Remove a schedule; its events and its runs stay.

    Raises:
        PermissionDenied: the role may not change schedules.
        CommandRefused: there is no such schedule.
    """
    require_permission(role, "schedule")
    with store.write() as connection:
        _known(connection, name)
        append_without_claim(connection, STREAM + name, ScheduleRemoved())


def trigger_due(store: Store, now: datetime | None = None,
                launch_errors: LaunchErrors = lambda config: []) -> list[Event]:
    """Process every schedule that is due; return the resulting events for the log. Several runners may call it.

    Args:
        now: the current moment by default.
        launch_errors: a sentence for each reason why a valid run is not queued now; it is recorded as the outcome.
    """
    now = now or datetime.now(UTC)
    with store.read() as connection:
        due = connection.execute(select(schedules.c.name).where(schedules.c.next_due_at <= _text(now)))
        names = due.scalars().all()
    return [event for name in names for event in _fire(store, name, now, launch_errors)]


def timing_of(row: Any) -> Recurrence:
    """Return the recurrence of a schedule's row or read model."""
    return Recurrence(row.cron, row.every_seconds, row.zone)


def _fire(store: Store, name: str, now: datetime, launch_errors: LaunchErrors) -> list[Event]:
    with store.write() as connection:
        row = _row(connection, name)
        if row is None or row.next_due_at is None or row.next_due_at > _text(now):
            return []  # another runner was quicker, or it was paused or removed
        # A newer time zone list can lack a zone, or a row be invalid: pause it, so it does not block the others.
        errors = timing_errors(timing_of(row))
        outcome = ([ScheduleFailed(row.next_due_at, "; ".join(errors), row.next_due_at), SchedulePaused()] if errors
                   else list(_advance(connection, row, now, launch_errors)))
        append_without_claim(connection, STREAM + name, *outcome)
    return outcome


def _advance(connection: Connection, row: Row[Any], now: datetime, launch_errors: LaunchErrors) -> Iterator[Event]:
    """Queue a run for the latest due occurrence if it is within GRACE_SECONDS; record earlier ones as missed."""
    first = parse(row.next_due_at)
    coming = occurrences(timing_of(row), first - timedelta(seconds=1), anchor=first)
    due = list(itertools.takewhile(lambda moment: moment <= now, itertools.islice(coming, _MAX_COUNTED)))
    after = _text(next_due(timing_of(row), now, anchor=first))
    latest = due.pop() if due and (now - due[-1]).total_seconds() <= GRACE_SECONDS else None
    if due:
        yield ScheduleMissed(_text(due[0]), _text(due[-1]), len(due), "no runner was online", after)
    if latest:
        yield _launched(connection, row, _text(latest), after, launch_errors)


def _launched(connection: Connection, row: Row[Any], due: str, after: str, launch_errors: LaunchErrors) -> Event:
    by = f"schedule {row.name}"
    at_work = ("queued", "running", "waiting-for-batch")
    waiting = connection.execute(select(runs.c.id).where(
        runs.c.requested_by == by, runs.c.work.in_(at_work))).scalars().first()
    if row.skip_if_queued and waiting:
        return ScheduleSkipped(due, f"run {waiting} of this schedule is queued or running", after)
    try:
        config = check(from_json(row.config))
    except InvalidConfig as error:
        return ScheduleFailed(due, str(error), after)
    if errors := launch_errors(config):
        return ScheduleFailed(due, "; ".join(errors), after)
    return ScheduleFired(due, launch_in_transaction(connection, config, by, f"{STREAM}{row.name}:{due}", row.priority),
                         after)


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(schedules).where(schedules.c.name == name)).one_or_none()


def _known(connection: Connection, name: str) -> Row[Any]:
    row = _row(connection, name)
    if row is None:
        raise CommandRefused(f"no schedule {name!r}: list them with '{NAME} schedule list'")
    return row


def _name_errors(name: str) -> list[str]:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", name):
        return []
    return [f"{name!r} is not a valid name for a schedule: start with a letter or digit, then letters, digits, "
            "spaces, '.', '-' and '_', at most 64 characters"]


def _config_errors(config: RunConfig) -> list[str]:
    try:
        check(config)
    except InvalidConfig as error:
        return error.errors
    return []


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
