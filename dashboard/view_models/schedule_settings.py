"""Values of the schedule form: recurrence, preview, selectable configurations; and export rows. No Streamlit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import available_timezones

from store.commands.recurrence import Recurrence, occurrences, timing_errors
from store.queries import Run, Schedule
from store.run_config import RunConfig
from store.presets import PRESETS

UNITS = {"minutes": 60, "hours": 3600, "days": 86400}
EVERY, CRON = "every", "cron"
SHOWN_RUNS = 30
_PREVIEWED = 3


def zones() -> list[str]:
    """IANA time zone names, UTC first."""
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]


def recurrence_from(kind: str, count: int, unit: str, cron: str, zone: str) -> Recurrence:
    """Build the recurrence from the form's values, unvalidated."""
    if kind == CRON:
        return Recurrence(cron=cron.strip(), zone=zone)
    return Recurrence(every_seconds=count * UNITS[unit], zone=zone)


def preview(timing: Recurrence, now: datetime | None = None) -> list[datetime]:
    """The next due times; empty if the recurrence is invalid."""
    now = now or datetime.now(UTC)
    return [] if timing_errors(timing) else list(itertools.islice(occurrences(timing, now, now), _PREVIEWED))


def repeatable_configs(runs: Sequence[Run]) -> dict[str, RunConfig]:
    """Selectable configurations by label: the presets, then those of the newest runs."""
    presets = {f"preset {name}": config for name, config in PRESETS.items()}
    return presets | {f"settings of run {run.title}": run.config for run in runs[:SHOWN_RUNS]}


def export_rows(schedules: Sequence[Schedule]) -> list[dict[str, object]]:
    """One row per schedule."""
    return [{"name": s.name, "timing": s.timing.describe, "enabled": s.enabled, "next_due_at": _iso(s.next_due_at),
             "last_due_at": _iso(s.last_due_at), "last_outcome": s.last_outcome, "last_run": s.last_run,
             "last_message": s.last_message, "added_by": s.added_by, "preset": s.config.preset} for s in schedules]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
