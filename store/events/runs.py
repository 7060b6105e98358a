"""Events of a run's life cycle: requested, started, planned, ended, paused, requeued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store.events.event_type import Event


@dataclass(frozen=True)
class RunRequested(Event, event_type="RunRequested"):
    """A run was requested; the whole configuration is stored, so that the run can be repeated."""

    config: dict[str, Any]
    requested_by: str
    """`command line`, `dashboard`, `demo` or `schedule`."""
    priority: int = 0
    group: str = ""
    """Name of the group of runs that it is part of; empty for a run of its own."""


@dataclass(frozen=True)
class FlowRow:
    """One stage of the pipeline as this run executes it; the stage board and the timeline are drawn from these."""

    stage: str
    phase: str
    """`run starts`, `every cycle` or `run ends`."""
    doer: str
    """The component that does the work."""
    title: str


@dataclass(frozen=True)
class RunStarted(Event, event_type="RunStarted"):
    """A runner started the run, or resumed it after an interruption."""

    owner: str
    attempt: int
    versions: dict[str, str]
    flow: tuple[FlowRow, ...]
    folder: str = ""
    """Folder of its checkpoints, on the owner's host, or on the node."""
    node: str = ""
    """Node of a cluster that the worker is on, with its GPUs; empty for a child process of the runner."""


@dataclass(frozen=True)
class FilesStored(Event, event_type="FilesStored"):
    """The run's files are in the artifact store: those of finished stages, and results of the current one so far."""

    sha256: str
    """Of the list of the files and their hashes, which is in the artifact store too."""
    files: int
    size_bytes: int


@dataclass(frozen=True)
class KnowledgeRead(Event, event_type="KnowledgeRead"):
    """The run's knowledge base was loaded."""

    domain: str
    knowledge_hash: str
    passages: int
    compared_with: str = ""
    """The earlier run on these documents that they were compared with; empty if there was none."""
    new: int = 0
    """Passages that the earlier run did not have."""
    gone: int = 0
    """Passages that only the earlier run had."""
    reworded: int = 0
    """New passages that say nearly the same as one that is gone."""
    excluded: int = 0
    """Passages that would be on another side of the split than before, and are used on neither."""


@dataclass(frozen=True)
class KnowledgeChanged(Event, event_type="KnowledgeChanged"):
    """The documents differ from those that the run's test was written from; the run's own copy of them is used."""

    knowledge_hash: str
    """Of the copy, which is the run's own."""
    found_hash: str
    """Of the documents as they are now; empty where they cannot be read."""
    added: int
    """Passages that the copy does not have, changed ones included."""
    removed: int
    """Passages that only the copy has, changed ones included."""
    reason: str
    """Why the documents cannot be read; empty where they can."""


@dataclass(frozen=True)
class PlanChosen(Event, event_type="PlanChosen"):
    """A memory plan for the student was chosen: device, precision and batch size, with the reason."""

    device: str
    precision: str
    batch_size: int
    threads: int
    reason: str
    student: str
    parameters: int
    weights: str = ""
    """Identifies the untrained student's weights: `sha256:` of its files, or the hub's `commit:`."""
    rung: int = 0
    """Index of the plan in the memory ladder; a resumed run starts from here, not from the top."""


@dataclass(frozen=True)
class RunFinished(Event, event_type="RunFinished"):
    """All cycles are done. The verdict is about the result; the work itself ended well either way."""

    verdict: str
    sentence: str
    seconds: float


@dataclass(frozen=True)
class RunFailed(Event, event_type="RunFailed"):
    """The run failed with an error."""

    kind: str
    message: str
    advice: str
    trace: str = ""


@dataclass(frozen=True)
class RunCancelled(Event, event_type="RunCancelled"):
    """The run was cancelled; its results are kept, and it can be resumed."""

    reason: str = ""


@dataclass(frozen=True)
class RunPaused(Event, event_type="RunPaused"):
    """The run was paused, by a person or, with a reason, by itself."""

    reason: str = ""
    advice: str = ""


@dataclass(frozen=True)
class RunRequeued(Event, event_type="RunRequeued"):
    """The run was queued again: resumed, retried, or abandoned by a runner that exited."""

    reason: str


@dataclass(frozen=True)
class RunPrioritised(Event, event_type="RunPrioritised"):
    """The run was moved in the queue; a higher priority goes first, then the older run."""

    priority: int
