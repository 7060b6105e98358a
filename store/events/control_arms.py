"""The control arms: what was put before the student, what was trained on shuffled answers, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class FoundRecord:
    """The passages that a search found for one question, the best first."""

    question_id: str
    passages: tuple[str, ...]
    """Ids."""


@dataclass(frozen=True)
class PassagesRetrieved(Event, event_type="PassagesRetrieved"):
    """Every passage of the domain was searched for each test question, those behind the test included."""

    retriever: str
    searched: int
    cut: int
    """Passages longer than the retriever reads: their end was not searched."""
    found: tuple[FoundRecord, ...]


@dataclass(frozen=True)
class PromptRecord:
    """What was put to the student in place of a bare question."""

    question_id: str
    text: str
    sources: tuple[str, ...]
    """Ids of the passages, or of the practice questions, that it shows."""
    left_out: int
    """So many more were to be shown and did not fit into the student's context."""
    cut: bool
    """True where even one did not fit whole, and its end was cut off."""


@dataclass(frozen=True)
class PromptsPrepared(Event, event_type="PromptsPrepared"):
    """An arm's prompts, exactly as the student saw them."""

    arm: str
    prompts: tuple[PromptRecord, ...]


@dataclass(frozen=True)
class ShuffledRecord:
    """One training example of the placebo: a question with the reference of another one."""

    question_id: str
    answer_of: str
    """The question that the reference belongs to."""


@dataclass(frozen=True)
class PlaceboTrained(Event, event_type="PlaceboTrained"):
    """An adapter was trained as this cycle's was, but for whose reference stands under each question."""

    adapter: str
    """Folder relative to the run's folder."""
    sha256: str
    continued_from: str | None
    steps: int
    seconds: float
    tokens: int
    first_loss: float
    last_loss: float
    examples: tuple[ShuffledRecord, ...]


@dataclass(frozen=True)
class ArmChangeRecord:
    """One arm against another on the held-out test by one metric: `change` is the arm's mean minus the other's."""

    arm: str
    against: str
    metric: str
    before: float | None
    """Mean of the arm compared with."""
    after: float | None
    change: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    wins: int
    ties: int
    losses: int
    p_value: float | None
    verdict: str
    """As of a change from `against` to `arm`: improved, regressed, no evidence ..."""


@dataclass(frozen=True)
class GapRecord:
    """How much of the way to the teacher was gone, by one metric."""

    metric: str
    baseline: float | None
    tuned: float | None
    teacher: float | None
    closed: float | None
    """(tuned - baseline) / (teacher - baseline); None with its reason."""
    low: float | None
    high: float | None
    scored: int
    asked: int
    missing: str | None
    by_construction: bool
    """True where the teacher's answer is the reference itself, so that nothing was measured of the teacher."""


@dataclass(frozen=True)
class ControlArmsCompared(Event, event_type="ControlArmsCompared"):
    """All arms of the run were laid beside the untrained and the tuned student of this cycle."""

    cycle: int
    changes: tuple[ArmChangeRecord, ...]
    gaps: tuple[GapRecord, ...]


@dataclass(frozen=True)
class CurvePoint:
    """The held-out test by one metric after so many steps of this cycle's training."""

    step: int
    of_steps: int
    metric: str
    value: float | None
    """Mean over the scored questions."""
    change: float | None
    """Against the untrained student, paired."""
    low: float | None
    high: float | None
    scored: int
    asked: int


@dataclass(frozen=True)
class LearningCurveMeasured(Event, event_type="LearningCurveMeasured"):
    """The same test was weighed at several moments of this cycle's training."""

    points: tuple[CurvePoint, ...]
