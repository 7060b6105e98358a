"""What the teacher did: questions asked and rejected, references written."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


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
class QuestionsAsked(Event, event_type="QuestionsAsked"):
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
class QuestionsRejected(Event, event_type="QuestionsRejected"):
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
class ReferencesWritten(Event, event_type="ReferencesWritten"):
    """The teacher answered its own questions."""

    teacher: str
    references: tuple[ReferenceRecord, ...]
