"""Stages and cycles: begun, under way, done, failed, recovered; and the numbers that they log."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class CycleStarted(Event, event_type="CycleStarted"):
    """A cycle began."""


@dataclass(frozen=True)
class StageStarted(Event, event_type="StageStarted"):
    """A stage began, or began again."""

    doer: str


@dataclass(frozen=True)
class StageProgressed(Event, event_type="StageProgressed"):
    """So many of a stage's items are done."""

    done: int
    total: int
    unit: str
    detail: str = ""
    before: int = 0
    """Of `done`, those that were done when this attempt's clock began: they say nothing of its speed."""
    seconds: float = 0.0
    """What this attempt has taken for the others."""


@dataclass(frozen=True)
class StageFinished(Event, event_type="StageFinished"):
    """A stage is done: its artifact is on disk, whole, under this hash."""

    seconds: float
    path: str
    """Relative to the run's folder."""
    size_bytes: int
    sha256: str
    inputs_sha256: str
    """Hash over the artifacts that the stage read: a changed input means another artifact."""
    adopted: bool = False
    """True where a finished file was found without its event, after a kill between the two."""
    loading_seconds: float = 0.0
    """Of `seconds`, what went into loading models and their libraries."""


@dataclass(frozen=True)
class StageFailed(Event, event_type="StageFailed"):
    """A stage could not be done, after all recoveries; the run may go on without it."""

    kind: str
    message: str
    advice: str
    trace: str = ""


@dataclass(frozen=True)
class RecoveryTaken(Event, event_type="RecoveryTaken"):
    """An error met, and what was done about it."""

    kind: str
    action: str
    attempt: int
    wait_seconds: float
    message: str


@dataclass(frozen=True)
class MetricLogged(Event, event_type="MetricLogged"):
    """One number of a series, such as the loss at a step."""

    key: str
    step: int
    value: float | None
    unit: str = ""
