"""Compute when a schedule is due, by cron expression or interval, in a time zone. Wraps apscheduler's triggers.

Knows times only, nothing of what runs then. All times passed in and returned are in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

SHORTEST_SECONDS, LONGEST_SECONDS = 60, 366 * 86400
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Recurrence:
    """Either a cron expression or an interval, never both."""

    cron: str | None = None
    """Five fields: minute, hour, day of month, month, day of week (0 or 7 is Sunday)."""
    every_seconds: int | None = None
    zone: str = "UTC"
    """IANA time zone in which the cron expression is read, such as Europe/Berlin."""

    @property
    def describe(self) -> str:
        """The timing in words."""
        if self.cron is not None:
            return f"cron {self.cron} ({self.zone})"
        return f"every {_length(self.every_seconds or 0).removeprefix('1 ')}"


def timing_errors(timing: Recurrence) -> list[str]:
    """Return a sentence for each invalid value, including a timing that is never due."""
    errors = []
    if (timing.cron is None) == (timing.every_seconds is None):
        errors.append("a schedule needs either a cron expression or an interval, and not both")
    if timing.zone not in available_timezones():
        errors.append(f"time zone {timing.zone!r} is unknown: use an IANA name, such as Europe/Berlin or UTC")
    if timing.every_seconds is not None and not SHORTEST_SECONDS <= timing.every_seconds <= LONGEST_SECONDS:
        errors.append(f"an interval of {timing.every_seconds} s is out of range: use "
                      f"{_length(SHORTEST_SECONDS)} to {_length(LONGEST_SECONDS)}")
    if timing.cron is not None:
        errors += _cron_errors(timing.cron)
    return errors


def next_due(timing: Recurrence, after: datetime, anchor: datetime) -> datetime:
    """Return the first occurrence after `after`; intervals count from `anchor`.

    Raises:
        ValueError: an invalid timing; `timing_errors` gives the reasons.
    """
    return next(occurrences(timing, after, anchor))


def occurrences(timing: Recurrence, after: datetime, anchor: datetime) -> Iterator[datetime]:
    """Yield all occurrences after `after`, in order, without end."""
    trigger, moment = _trigger(timing, anchor), after
    while True:
        found = trigger.get_next_fire_time(None, moment + timedelta(microseconds=1))
        if found is None:
            raise ValueError(f"{timing.describe} is never due")
        moment = found.astimezone(UTC)
        yield moment


def _trigger(timing: Recurrence, anchor: datetime) -> Any:
    if timing.cron is not None:
        return _cron_trigger(timing.cron, timing.zone)
    return IntervalTrigger(seconds=timing.every_seconds or 0, start_date=anchor.astimezone(UTC), timezone=UTC)


def _cron_trigger(cron: str, zone: str) -> Any:
    fields = cron.split()
    if len(fields) == 5:
        fields[4] = _named_weekdays(fields[4])
    return CronTrigger.from_crontab(" ".join(fields), ZoneInfo(zone))


def _cron_errors(cron: str) -> list[str]:
    fields = cron.split()
    if len(fields) != 5:
        return [f"cron expression {cron!r} has {len(fields)} fields and needs 5: minute hour day-of-month month "
                "day-of-week"]
    if fields[2] != "*" and fields[4] != "*":
        return [f"cron expression {cron!r} has both a day of the month and a day of the week, which some programs "
                "read as 'either' and some as 'both': use one of them, or make two schedules"]
    try:
        due = _cron_trigger(cron, "UTC").get_next_fire_time(None, datetime.now(UTC))
    except (ValueError, KeyError) as error:
        return [f"cron expression {cron!r} cannot be read: {error}"]
    return [] if due else [f"cron expression {cron!r} is never due: there is no such day in any year"]


def _named_weekdays(field: str) -> str:
    """Replace weekday numbers by names: cron counts from Sunday, apscheduler from Monday without converting."""
    return ",".join(_weekday_part(part) for part in field.split(","))


def _weekday_part(part: str) -> str:
    found = re.fullmatch(r"([0-7])(?:-([0-7]))?(?:/(\d+))?", part)
    if not found:
        return part
    first, last = int(found[1]), int(found[2] or (6 if found[3] else found[1]))
    days = range(first, last + 1, int(found[3] or 1) or 1)
    return ",".join(dict.fromkeys(_WEEKDAYS[day] for day in days)) or part


def _length(seconds: int) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            many = seconds // length
            return f"{many} {unit}{'s' if many != 1 else ''}"
    return f"{seconds} seconds"
