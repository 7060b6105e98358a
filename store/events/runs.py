"""A run as a whole: asked for, taken up, planned, ended, put aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.events.event_type import Event


@dataclass(frozen=True)
class RunRequested(Event, event_type="RunRequested"):
    """Somebody asked for a run; the configuration is stored whole, so that the run can be repeated."""

    config: dict[str, Any]
    requested_by: str
    """`command line`, `dashboard`, `demo` or `schedule`."""
    priority: int = 0


@dataclass(frozen=True)
class FlowRow:
    """One row of the cycle's table as this run follows it: what readers draw the flow and the timeline from."""

    stage: str
    phase: str
    """`run starts`, `every cycle` or `run ends`."""
    doer: str
    title: str


@dataclass(frozen=True)
class RunStarted(Event, event_type="RunStarted"):
    """A runner took the run up: for the first time, or again after an interruption."""

    owner: str
    attempt: int
    versions: dict[str, str]
    flow: tuple[FlowRow, ...]
    folder: str = ""
    """Where its checkpoints go, on the owner's host."""


@dataclass(frozen=True)
class KnowledgeRead(Event, event_type="KnowledgeRead"):
    """The knowledge base that this run uses."""

    domain: str
    knowledge_hash: str
    passages: int


@dataclass(frozen=True)
class PlanChosen(Event, event_type="PlanChosen"):
    """How the student will be held in memory, and why."""

    device: str
    precision: str
    batch_size: int
    threads: int
    reason: str
    student: str
    parameters: int
    weights: str = ""
    """What tells the untrained student's weights from any other: `sha256:` of its files, or the hub's `commit:`."""
    rung: int = 0
    """Its place in the memory ladder; a run that is gone on with begins here, not at the top."""


@dataclass(frozen=True)
class RunFinished(Event, event_type="RunFinished"):
    """All cycles are done; what the result says is another matter than that the work ended well."""

    verdict: str
    sentence: str
    seconds: float


@dataclass(frozen=True)
class RunFailed(Event, event_type="RunFailed"):
    """The work could not be done."""

    kind: str
    message: str
    advice: str
    trace: str = ""


@dataclass(frozen=True)
class RunCancelled(Event, event_type="RunCancelled"):
    """Somebody ended the run; what was done is kept, and the run can be continued."""

    reason: str = ""


@dataclass(frozen=True)
class RunPaused(Event, event_type="RunPaused"):
    """Somebody put the run aside."""


@dataclass(frozen=True)
class RunRequeued(Event, event_type="RunRequeued"):
    """The run waits for a runner again: resumed, retried, or left behind by a runner that died."""

    reason: str


@dataclass(frozen=True)
class RunPrioritised(Event, event_type="RunPrioritised"):
    """Somebody moved the run in the queue; a higher priority goes first, the older run among equals."""

    priority: int
