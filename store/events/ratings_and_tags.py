"""What people say of runs and answers: ratings, tags and notes, what is put away and what is deleted."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class AnswerRated(Event, event_type="AnswerRated"):
    """A person read both answers to a question and said which is better; the envelope names the cycle."""

    question_id: str
    rating: str
    """The tuned answer is `better` than the untrained one, `worse`, or the `same`."""
    blind: bool
    """Whether the person could not see which answer was which."""
    left_arm: str
    """The arm that stood on the left: `baseline` or `tuned`; a preference for a side can be found out later."""
    rater: str
    note: str = ""


@dataclass(frozen=True)
class RunAnnotated(Event, event_type="RunAnnotated"):
    """Somebody wrote tags and a note to a run; they take the place of the earlier ones."""

    tags: tuple[str, ...]
    note: str
    by: str


@dataclass(frozen=True)
class RunArchived(Event, event_type="RunArchived"):
    """Somebody put the run away, or took it out again; nothing of it changes."""

    archived: bool
    by: str


@dataclass(frozen=True)
class RunDeleted(Event, event_type="RunDeleted"):
    """Somebody deleted the run: it leaves every read model. Its events stay, because events are never taken back."""

    by: str
