"""What an event says to a tracker: measured values and settings, the same for all trackers."""

from __future__ import annotations

import json
from collections.abc import Iterable

from store import events
from store.events import Recorded

MOST_CHARACTERS = 500
"""Of one setting; MLflow takes no longer ones."""


def metrics_of(recorded: Recorded) -> Iterable[tuple[str, float | None, int]]:
    """Return (name, value, step) of what an event measured: logged metrics, and the changes of all topics together."""
    event, cycle = recorded.event, recorded.cycle or 0
    if isinstance(event, events.MetricLogged):
        return [(f"cycle {cycle}/{event.key}" if cycle else event.key, event.value, event.step)]
    if isinstance(event, events.ArmsCompared):
        number = event.of_cycle or cycle
        return [(f"{row.tier}/{row.metric}/{name}", getattr(row, name), number) for row in event.changes
                if not row.topic for name in ("baseline", "tuned", "change", "low", "high")]
    return []


def settings_of(recorded: Recorded) -> list[tuple[str, str]]:
    """Return the settings of a run, as texts."""
    if not isinstance(recorded.event, events.RunRequested):
        return []
    return [(name, (value if isinstance(value, str) else json.dumps(value))[:MOST_CHARACTERS])
            for name, value in recorded.event.config.items()]


def milliseconds(recorded: Recorded) -> int:
    """Return when an event happened, since 1970."""
    return int(recorded.at.timestamp() * 1000)
