"""What the client returns: plain dataclasses. A field that a newer interface adds is ignored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

ENDED = ("finished", "failed", "cancelled")
"""States in which a run stays until a person changes it."""
STANDING = (*ENDED, "paused", "waiting-for-review")
"""States in which nothing happens without a person."""
Model = TypeVar("Model")


@dataclass(frozen=True)
class Run:
    """The state of a run."""

    id: str
    name: str
    state: str
    """queued, running, waiting-for-batch, waiting-for-review, paused, finished, failed, cancelled or lost"""
    verdict: str | None
    """About the result; None before there is one."""
    sentence: str | None
    """The verdict with its numbers."""
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cycle: int | None
    stage: str | None
    done: int | None
    total: int | None
    error: str | None
    advice: str | None
    settings: dict[str, Any]

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True)
class Change:
    """A paired change between the untrained and the tuned student."""

    metric: str
    tier: str
    topic: str
    cycle: int
    baseline: float | None
    tuned: float | None
    change: float | None
    low: float | None
    high: float | None
    """Ends of the 95% interval."""
    scored: int
    """Questions that both were scored on."""
    verdict: str


@dataclass(frozen=True)
class Verdict:
    """What a run says of its student."""

    run: str
    state: str
    verdict: str | None
    """None before the run has finished."""
    sentence: str | None
    metric: str
    tier: str
    cycle: int | None
    change: Change | None


@dataclass(frozen=True)
class Event:
    """One event of the store."""

    id: int
    """Its number in the order of all runs; the cursor from which to continue."""
    run: str
    seq: int
    kind: str
    at: datetime
    cycle: int | None
    stage: str | None
    payload: dict[str, Any]


def from_values(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Return a model from the JSON object of the interface."""
    fields: Any = dataclasses.fields(model)  # type: ignore[arg-type]
    found: dict[str, Any] = {field.name: values[field.name] for field in fields}
    for name, value in found.items():
        if (name == "at" or name.endswith("_at")) and value is not None:
            found[name] = datetime.fromisoformat(value)
    if found.get("change") is not None and model is Verdict:
        found["change"] = from_values(Change, found["change"])
    return model(**found)
