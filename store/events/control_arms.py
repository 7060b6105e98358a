"""Events of the control arms: their prompts, the placebo adapter, their comparisons; and the learning curve."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class FoundRecord:
    """The passages retrieved for one question, best first."""

    question_id: str
    passages: tuple[str, ...]
    """Passage ids."""


@dataclass(frozen=True)
class PassagesRetrieved(Event, event_type="PassagesRetrieved"):
    """Passages were retrieved for each test question from the whole domain, including those the test was made from."""

    retriever: str
    searched: int
    """Number of passages searched."""
    cut: int
    """Passages longer than the retriever's input limit: their end was not indexed."""
    found: tuple[FoundRecord, ...]


@dataclass(frozen=True)
class PromptRecord:
    """A prompt with examples or passages, used in place of the bare question."""

    question_id: str
    text: str
    sources: tuple[str, ...]
    """Ids of the passages, or of the practice questions, in the prompt."""
    left_out: int
    """Number of passages or examples that did not fit into the student's context."""
    cut: bool
    """Whether not even one fitted whole, so that it was truncated."""


@dataclass(frozen=True)
class PromptsPrepared(Event, event_type="PromptsPrepared"):
    """An arm's prompts were built, exactly as given to the student."""

    arm: str
    prompts: tuple[PromptRecord, ...]


@dataclass(frozen=True)
class ShuffledRecord:
    """One training example of the placebo: a question paired with another question's reference."""

    question_id: str
    answer_of: str
    """Id of the question that the reference belongs to."""


@dataclass(frozen=True)
class PlaceboTrained(Event, event_type="PlaceboTrained"):
    """The placebo adapter was trained like this cycle's adapter, but on references shuffled among the questions."""

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
    """The paired difference of `arm` minus `against` on the held-out test by one metric."""

    arm: str
    against: str
    metric: str
    before: float | None
    """Mean score of `against`."""
    after: float | None
    """Mean score of `arm`."""
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
    """The verdict on the change from `against` to `arm`: improved, worse, no relevant change ..."""


@dataclass(frozen=True)
class GapRecord:
    """The share of the gap between untrained student and teacher that tuning closed, by one metric."""

    metric: str
    baseline: float | None
    tuned: float | None
    teacher: float | None
    closed: float | None
    """(tuned - baseline) / (teacher - baseline); None if undefined, with the reason in `missing`."""
    low: float | None
    high: float | None
    scored: int
    asked: int
    missing: str | None
    by_construction: bool
    """True where the teacher's answer is the reference itself, so that its score measures nothing."""


@dataclass(frozen=True)
class ReplacementRecord:
    """Whether a student may replace its teacher: both on the headline test, by one metric."""

    arm: str
    """The student: tuned, or tuned with retrieval."""
    metric: str
    student: float | None
    teacher: float | None
    difference: float | None
    """Student minus teacher, with the sign that makes positive better."""
    low: float | None
    high: float | None
    confidence: float
    """Of the interval: 0.95 for one student, more for each of several."""
    margin: float
    """The largest loss that does not matter, named before the run."""
    scored: int
    asked: int
    verdict: str
    """replaces, falls short, inconclusive, too few to say or not measured."""
    needed: int | None
    """Questions that certify a student that loses half the margin in 80% of all tests."""
    by_construction: bool
    """True where the teacher's answer is the reference itself, so that its score measures nothing."""


@dataclass(frozen=True)
class GainShareRecord:
    """One part of the gain on the facts that the last cycle taught, by one metric."""

    metric: str
    part: str
    """wording, knowledge or memory."""
    gain: float
    """In the metric's unit; positive is better."""
    low: float | None
    """Simultaneous 95% interval of the three parts."""
    high: float | None
    share: float | None
    """Of the gain on the training questions; None where that is not clearly above zero."""
    facts: int
    asked: int


@dataclass(frozen=True)
class ControlArmsCompared(Event, event_type="ControlArmsCompared"):
    """The run's control arms were compared with the untrained student and with the tuned one of `cycle`."""

    cycle: int
    changes: tuple[ArmChangeRecord, ...]
    gaps: tuple[GapRecord, ...]
    replacements: tuple[ReplacementRecord, ...] = ()
    """Empty without the teacher arm, and in runs that named no margin."""
    shares: tuple[GainShareRecord, ...] = ()
    """Empty without the placebo arm, without taught facts as the headline test, and below six facts."""


@dataclass(frozen=True)
class CurvePoint:
    """The held-out score by one metric after `step` of `of_steps` training steps."""

    step: int
    of_steps: int
    metric: str
    value: float | None
    """Mean over the scored questions."""
    change: float | None
    """Paired change against the untrained student."""
    low: float | None
    high: float | None
    scored: int
    asked: int


@dataclass(frozen=True)
class LearningCurveMeasured(Event, event_type="LearningCurveMeasured"):
    """The held-out test was scored at snapshots of this cycle's training."""

    points: tuple[CurvePoint, ...]
