"""Judges: what a judge model will cost, whether a judge can be believed, and stored answers judged again."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.answers import ScoreRecord
from store.events.comparisons import ChangeRecord
from store.events.event_type import Event


@dataclass(frozen=True)
class JudgingEstimated(Event, event_type="JudgingEstimated"):
    """What a judge model will be asked, said before it is asked anything."""

    judge: str
    metrics: tuple[str, ...]
    answers: int
    """At most so many, the audit's planted ones included; equal ones are asked about once."""
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At list prices; None where the model's price is not known."""


@dataclass(frozen=True)
class ProbeRecord:
    """One planted answer and what the judge made of it."""

    kind: str
    question_id: str
    text: str
    score: float | None
    missing: str | None


@dataclass(frozen=True)
class KindRecord:
    """One kind of planted answer over all questions of the audit."""

    kind: str
    mean: float | None
    scored: int
    rightly: int
    """Questions on which the kind was ranked rightly."""
    of: int
    """Questions on which it could be ranked at all; 0 for the right answers, which the others are ranked against."""
    passed: bool


@dataclass(frozen=True)
class JudgeAudited(Event, event_type="JudgeAudited"):
    """A judge was given planted right, wrong, empty, echoing and padded answers, by one metric."""

    metric: str
    judge: str
    judging: int
    """0 for the run's own judge; else the number of the judging that it belongs to."""
    passed: bool
    reasons: tuple[str, ...]
    """What it did not tell apart, a sentence each; empty where it passed."""
    questions: int
    kinds: tuple[KindRecord, ...]
    probes: tuple[ProbeRecord, ...]
    retests: int
    """Planted answers that were scored twice."""
    noise: float | None
    """Mean distance of the two scores."""
    most_noise: float | None


@dataclass(frozen=True)
class JudgingStarted(Event, event_type="JudgingStarted"):
    """Stored answers are judged again; no answer is generated, and the run's own scores stay as they are."""

    judging: int
    """Counts from 1 within the run."""
    metrics: tuple[str, ...]
    judge: str
    """The judge model; empty where none is asked."""
    cycles: tuple[int, ...]


@dataclass(frozen=True)
class AnswersJudgedAgain(Event, event_type="AnswersJudgedAgain"):
    """An arm's stored answers were scored by one judge and metric."""

    judging: int
    arm: str
    judge: str
    scores: tuple[ScoreRecord, ...]


@dataclass(frozen=True)
class JudgingCompared(Event, event_type="JudgingCompared"):
    """The paired changes by the scores of a judging; the run's verdict is none of them."""

    judging: int
    changes: tuple[ChangeRecord, ...]


@dataclass(frozen=True)
class JudgingFinished(Event, event_type="JudgingFinished"):
    """A judging ended."""

    judging: int
    scored: int
    asked: int
    calls: int
    """Calls that this run's judges have made so far, recorded ones included once."""
    tokens: int
    cost_usd: float | None
