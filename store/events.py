"""Everything that can happen, one frozen dataclass a thing, in the past tense.

Payloads hold JSON values only. A missing number is None with its reason beside it; NaN and infinity are
refused at the door, because written as null they would come back as numbers that nobody measured.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter


class Event:
    """What all events have in common: their class name is their kind in the store."""


@dataclass(frozen=True)
class RunRequested(Event):
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
class RunStarted(Event):
    """A runner took the run up: for the first time, or again after an interruption."""

    owner: str
    attempt: int
    versions: dict[str, str]
    flow: tuple[FlowRow, ...]


@dataclass(frozen=True)
class KnowledgeRead(Event):
    """The knowledge base that this run uses."""

    domain: str
    knowledge_hash: str
    passages: int


@dataclass(frozen=True)
class PlanChosen(Event):
    """How the student will be held in memory, and why."""

    device: str
    precision: str
    batch_size: int
    threads: int
    reason: str
    student: str
    parameters: int


@dataclass(frozen=True)
class CycleStarted(Event):
    """A cycle began."""


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage began, or began again."""

    doer: str


@dataclass(frozen=True)
class StageProgressed(Event):
    """So many of a stage's items are done."""

    done: int
    total: int
    unit: str
    detail: str = ""


@dataclass(frozen=True)
class StageFinished(Event):
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


@dataclass(frozen=True)
class StageFailed(Event):
    """A stage could not be done, after all recoveries; the run may go on without it."""

    kind: str
    message: str
    advice: str
    trace: str = ""


@dataclass(frozen=True)
class RecoveryTaken(Event):
    """An error met, and what was done about it."""

    kind: str
    action: str
    attempt: int
    wait_seconds: float
    message: str


@dataclass(frozen=True)
class QuestionRecord:
    """A question as asked, with the passage that it rests on."""

    question_id: str
    tier: str
    topic: str
    text: str
    passage_id: str
    title: str
    passage: str
    address: str
    evidence: str
    key_terms: tuple[str, ...]


@dataclass(frozen=True)
class QuestionsAsked(Event):
    """The teacher asked these questions."""

    teacher: str
    questions: tuple[QuestionRecord, ...]
    wanted: int
    set_hash: str
    """Hash over the questions: results are only comparable on the same set."""


@dataclass(frozen=True)
class RejectedRecord:
    """A question that was written and not asked, or a passage that none came for."""

    text: str
    topic: str
    tier: str
    passage_id: str
    reason: str


@dataclass(frozen=True)
class QuestionsRejected(Event):
    """What the teacher's questions lost to validation, each with its reason; others were asked for in their place."""

    teacher: str
    rejected: tuple[RejectedRecord, ...]


@dataclass(frozen=True)
class ReferenceRecord:
    """A reference answer, and the three false ones that the student must tell from it."""

    question_id: str
    text: str | None
    missing: str | None
    evidence: str
    foils: tuple[str, ...]
    foil_rules: tuple[str, ...]


@dataclass(frozen=True)
class ReferencesWritten(Event):
    """The teacher answered its own questions."""

    teacher: str
    references: tuple[ReferenceRecord, ...]


@dataclass(frozen=True)
class AnswerRecord:
    """A student's answer; `text` None is missing, with the reason."""

    question_id: str
    text: str | None
    missing: str | None
    tokens: int
    seconds: float
    cut_off: bool


@dataclass(frozen=True)
class AnswersGiven(Event):
    """The student answered: `arm` is `baseline` (untrained) or `tuned`."""

    arm: str
    answers: tuple[AnswerRecord, ...]


@dataclass(frozen=True)
class ScoreRecord:
    """One score of one answer; None is missing, with the reason: never 0, never dropped."""

    question_id: str
    metric: str
    value: float | None
    missing: str | None = None


@dataclass(frozen=True)
class AnswersScored(Event):
    """An arm's answers were scored by a judge."""

    arm: str
    judge: str
    scores: tuple[ScoreRecord, ...]


@dataclass(frozen=True)
class AdapterTrained(Event):
    """Fine-tuning left an adapter."""

    adapter: str
    """Folder relative to the run's folder."""
    sha256: str
    continued_from: str | None
    steps: int
    seconds: float
    tokens: int
    first_loss: float
    last_loss: float
    trainable_parameters: int
    matched_modules: tuple[str, ...]
    unmatched_targets: tuple[str, ...]


@dataclass(frozen=True)
class AdapterMissing(Event):
    """This cycle has no adapter: fine-tuning was off, or failed. What would need one is missing for this reason."""

    reason: str
    failed: bool


@dataclass(frozen=True)
class ChangeRecord:
    """The paired change of one metric on one tier (and topic, where one is named)."""

    tier: str
    metric: str
    topic: str
    """Empty for all topics together."""
    baseline: float | None
    tuned: float | None
    change: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    wins: int
    ties: int
    losses: int
    p_value: float | None
    """Exact two-sided sign test."""
    verdict: str


@dataclass(frozen=True)
class ArmsCompared(Event):
    """Baseline and tuned answers were compared, question by question."""

    changes: tuple[ChangeRecord, ...]
    verdict: str
    sentence: str


@dataclass(frozen=True)
class CycleFinished(Event):
    """A cycle ended. `work`: finished, not tuned (fine-tuning was off), no adapter (training failed)."""

    work: str
    verdict: str
    sentence: str
    adapter: str | None
    training_seconds: float | None
    seconds: float


@dataclass(frozen=True)
class MetricLogged(Event):
    """One number of a series, such as the loss at a step."""

    key: str
    step: int
    value: float | None
    unit: str = ""


@dataclass(frozen=True)
class RunFinished(Event):
    """All cycles are done; what the result says is another matter than that the work ended well."""

    verdict: str
    sentence: str
    seconds: float


@dataclass(frozen=True)
class RunFailed(Event):
    """The work could not be done."""

    kind: str
    message: str
    advice: str
    trace: str = ""


@dataclass(frozen=True)
class RunCancelled(Event):
    """Somebody ended the run; what was done is kept, and the run can be continued."""

    reason: str = ""


@dataclass(frozen=True)
class RunPaused(Event):
    """Somebody put the run aside."""


@dataclass(frozen=True)
class RunRequeued(Event):
    """The run waits for a runner again: resumed, retried, or left behind by a runner that died."""

    reason: str


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


@dataclass(frozen=True)
class Recorded:
    """An event with its envelope, as read back from the store."""

    id: int
    run: str
    seq: int
    cycle: int | None
    stage: str | None
    at: datetime
    event: Event

    @property
    def kind(self) -> str:
        return type(self.event).__name__


class UnfitEvent(ValueError):
    """An event holds NaN, infinity or something that is no JSON value; nothing was written."""


def to_json(event: Event) -> str:
    """The payload as JSON.

    Raises:
        UnfitEvent: a number is NaN or infinite, or a value is no JSON value.
    """
    try:
        return json.dumps(dataclasses.asdict(event), allow_nan=False, separators=(",", ":"))  # type: ignore[call-overload]
    except (ValueError, TypeError) as error:
        raise UnfitEvent(f"{type(event).__name__} cannot be recorded: {error}") from error


def from_json(kind: str, payload: str) -> Event:
    """The event that `to_json` wrote."""
    event: Event = _adapter(kind).validate_json(payload)
    return event


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])
