"""Events of the teacher: questions generated and rejected, reference answers and facts to study generated."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class QuestionRecord:
    """A question with the passage that it was generated from."""

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
    """The teacher generated a set of questions."""

    teacher: str
    questions: tuple[QuestionRecord, ...]
    wanted: int
    """Number of questions requested."""
    set_hash: str
    """Hash over the questions: results are comparable on the same set only."""


@dataclass(frozen=True)
class QuestionSetRead(Event, event_type="QuestionSetRead"):
    """A file of questions and answers that people wrote was read, and stands in place of the teacher's."""

    role: str
    """`practice` or `test`."""
    name: str
    """The file's name, without its folder."""
    sha256: str
    questions: int
    with_passage: int
    """Questions that come with a passage."""
    remark: str
    """What was found and is no fault; empty where there is nothing."""


@dataclass(frozen=True)
class RejectedRecord:
    """A question that validation rejected, or a passage for which none was generated."""

    text: str
    topic: str
    tier: str
    passage_id: str
    reason: str


@dataclass(frozen=True)
class QuestionsRejected(Event, event_type="QuestionsRejected"):
    """Generated questions were rejected by validation, each with its reason; others were generated instead."""

    teacher: str
    rejected: tuple[RejectedRecord, ...]


@dataclass(frozen=True)
class ReferenceRecord:
    """A reference answer, and its distractors (false references) for choice accuracy."""

    question_id: str
    text: str | None
    missing: str | None
    """Why there is no reference."""
    evidence: str
    foils: tuple[str, ...]
    """The distractors."""
    foil_rules: tuple[str, ...]
    """How each distractor was made."""


@dataclass(frozen=True)
class ReferencesWritten(Event, event_type="ReferencesWritten"):
    """The teacher generated the reference answers."""

    teacher: str
    references: tuple[ReferenceRecord, ...]


@dataclass(frozen=True)
class DevQuestionsSetApart(Event, event_type="DevQuestionsSetApart"):
    """The development questions were copied from the test's file, so that a training may be scored on them alone."""

    questions: tuple[QuestionRecord, ...]
    references: tuple[ReferenceRecord, ...]


@dataclass(frozen=True)
class PairRecord:
    """A question about a fact with its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class FactRecord:
    """A fact of a passage that the teacher wrote to be studied, with its wordings and questions that passed."""

    passage_id: str
    statement: str
    paraphrases: tuple[str, ...]
    questions: tuple[PairRecord, ...]
    reverse: tuple[PairRecord, ...]
    key_terms: tuple[str, ...]
    """The passage's key terms that it states."""


@dataclass(frozen=True)
class RefusedTextRecord:
    """A fact, paraphrase or question that failed a check."""

    passage_id: str
    text: str
    reason: str


@dataclass(frozen=True)
class FactlessRecord:
    """A passage for which the teacher wrote no fact that passed."""

    passage_id: str
    reason: str


@dataclass(frozen=True)
class FactsWritten(Event, event_type="FactsWritten"):
    """The teacher wrote the facts of a cycle's passages, each in several wordings, for the student to study."""

    teacher: str
    facts: tuple[FactRecord, ...]
    refused: tuple[RefusedTextRecord, ...]
    without: tuple[FactlessRecord, ...]
