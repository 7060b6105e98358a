"""Events of people's annotations: answer ratings, tags and notes; archiving and deleting runs."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class AnswerRated(Event, event_type="AnswerRated"):
    """A person compared both answers to a question; the envelope has the cycle."""

    question_id: str
    rating: str
    """The tuned answer is `better` than the untrained one, `worse`, or the `same`."""
    blind: bool
    """Whether the arms were hidden from the rater."""
    left_arm: str
    """The arm shown on the left, `baseline` or `tuned`, so that position bias can be measured later."""
    rater: str
    note: str = ""


@dataclass(frozen=True)
class RunAnnotated(Event, event_type="RunAnnotated"):
    """A run's tags and note, and perhaps its name, were set; they replace the earlier ones."""

    tags: tuple[str, ...]
    note: str
    by: str
    name: str | None = None
    """The run's new name; None: as it was."""


@dataclass(frozen=True)
class RunArchived(Event, event_type="RunArchived"):
    """The run was archived or unarchived; nothing else of it changes."""

    archived: bool
    by: str


@dataclass(frozen=True)
class RunDeleted(Event, event_type="RunDeleted"):
    """The run was deleted from every read model; its events stay, because the event log is append-only."""

    by: str
