"""What the student answered, and how each answer was scored."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


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
class AnswersGiven(Event, event_type="AnswersGiven"):
    """The student answered: `arm` is `baseline` (untrained), `tuned`, or a control arm of `store/control_arms.py`."""

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
class AnswersScored(Event, event_type="AnswersScored"):
    """An arm's answers were scored by a judge."""

    arm: str
    judge: str
    scores: tuple[ScoreRecord, ...]
