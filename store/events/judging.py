"""Events of judges: cost estimates, validation (audits), and rejudging of stored answers."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.answers import ScoreRecord
from store.events.comparisons import ChangeRecord
from store.events.event_type import Event


@dataclass(frozen=True)
class JudgingEstimated(Event, event_type="JudgingEstimated"):
    """The judge model's calls and cost were estimated, before the first call."""

    judge: str
    metrics: tuple[str, ...]
    answers: int
    """Upper bound, including the audit's planted answers; identical answers are judged once."""
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At list prices; None where the model's price is not known."""
    most_calls: int = 0
    """Upper bound, where each reply has to be asked for again; 0 in events of earlier versions."""
    most_cost_usd: float | None = None


@dataclass(frozen=True)
class ProbeRecord:
    """One planted answer and the judge's score."""

    kind: str
    question_id: str
    text: str
    score: float | None
    missing: str | None


@dataclass(frozen=True)
class KindRecord:
    """The result for one kind of planted answer, over all questions of the audit."""

    kind: str
    mean: float | None
    scored: int
    rightly: int
    """Questions on which the kind was ranked correctly."""
    of: int
    """Questions on which it could be ranked; 0 for the correct answers, which the others are ranked against."""
    passed: bool


@dataclass(frozen=True)
class JudgeAudited(Event, event_type="JudgeAudited"):
    """A judge was validated on planted correct, wrong, empty, echoing and verbose answers, by one metric."""

    metric: str
    judge: str
    judging: int
    """0 for the run's own judge; otherwise the number of the rejudging that it belongs to."""
    passed: bool
    reasons: tuple[str, ...]
    """Failed discriminations, a sentence each; empty if it passed."""
    questions: int
    kinds: tuple[KindRecord, ...]
    probes: tuple[ProbeRecord, ...]
    retests: int
    """Planted answers that were scored twice."""
    noise: float | None
    """Mean absolute difference of the two scores."""
    most_noise: float | None
    """Largest absolute difference."""


@dataclass(frozen=True)
class JudgingStarted(Event, event_type="JudgingStarted"):
    """Rejudging of stored answers began: no answer is generated, and the run's own scores stay unchanged."""

    judging: int
    """Number of the rejudging, from 1 within the run."""
    metrics: tuple[str, ...]
    judge: str
    """The judge model; empty if none is used."""
    cycles: tuple[int, ...]


@dataclass(frozen=True)
class AnswersJudgedAgain(Event, event_type="AnswersJudgedAgain"):
    """A judge scored an arm's stored answers in a rejudging."""

    judging: int
    arm: str
    judge: str
    scores: tuple[ScoreRecord, ...]


@dataclass(frozen=True)
class JudgingCompared(Event, event_type="JudgingCompared"):
    """Paired changes were computed from a rejudging's scores; they do not affect the run's verdict."""

    judging: int
    changes: tuple[ChangeRecord, ...]


@dataclass(frozen=True)
class JudgingFinished(Event, event_type="JudgingFinished"):
    """A rejudging ended."""

    judging: int
    scored: int
    asked: int
    calls: int
    """Calls that this run's judges have made so far; cached calls count once."""
    tokens: int
    cost_usd: float | None
