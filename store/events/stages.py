"""Events of cycles and stages: started, progress, finished, failed, recovered; and logged metrics."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class CycleStarted(Event, event_type="CycleStarted"):
    """A cycle began."""


@dataclass(frozen=True)
class StageStarted(Event, event_type="StageStarted"):
    """A stage began, or was restarted."""

    doer: str


@dataclass(frozen=True)
class StageProgressed(Event, event_type="StageProgressed"):
    """`done` of a stage's `total` items are done."""

    done: int
    total: int
    unit: str
    detail: str = ""
    before: int = 0
    """Items of `done` that were restored from an earlier attempt; they are excluded from the throughput."""
    seconds: float = 0.0
    """Time this attempt took for the other items."""


@dataclass(frozen=True)
class StageFinished(Event, event_type="StageFinished"):
    """A stage is done: its complete artifact is on disk, with this hash."""

    seconds: float
    path: str
    """Relative to the run's folder."""
    size_bytes: int
    sha256: str
    inputs_sha256: str
    """Hash over the artifacts that the stage read; if it differs, the stage must run again."""
    adopted: bool = False
    """True if a complete file was found without this event, after a kill between the two."""
    loading_seconds: float = 0.0
    """The part of `seconds` spent loading models and their libraries."""


@dataclass(frozen=True)
class StageFailed(Event, event_type="StageFailed"):
    """A stage failed after all recovery attempts; the run may continue without it."""

    kind: str
    message: str
    advice: str
    trace: str = ""


@dataclass(frozen=True)
class EndpointOptionRefused(Event, event_type="EndpointOptionRefused"):
    """The endpoint of the teacher or the judge refused a request option; it is not asked for again."""

    role: str
    """`teacher` or `judge`."""
    model: str
    address: str
    """Base URL, without user, password and query."""
    effort: str
    """The reasoning effort that was asked for; empty if none was."""
    option: str
    sent_instead: str
    """What is sent from then on: another response format, name of the limit, or limit; empty: nothing."""
    message: str
    """The endpoint's own words."""


@dataclass(frozen=True)
class RecoveryTaken(Event, event_type="RecoveryTaken"):
    """An error occurred, and this recovery action was taken."""

    kind: str
    action: str
    attempt: int
    wait_seconds: float
    message: str


@dataclass(frozen=True)
class MetricLogged(Event, event_type="MetricLogged"):
    """One logged value of a metric, such as the loss at a step."""

    key: str
    step: int
    value: float | None
    unit: str = ""
