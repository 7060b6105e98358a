"""Between the knowledge room's questions and the records that events hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from knowledge.domain import Domain
from knowledge.questions import Question
from store.events import QuestionRecord, QuestionsAsked


def asked(domain: Domain, teacher: str, questions: Sequence[Question], wanted: int) -> QuestionsAsked:
    """The event that keeps questions together with the passages that they rest on."""
    return QuestionsAsked(teacher, tuple(record_of(domain, question) for question in questions), wanted,
                          set_hash(questions))


def record_of(domain: Domain, question: Question) -> QuestionRecord:
    """A question with the text of its passage, so that the record can be read without the knowledge base."""
    passage = domain.passage(question.passage_id)
    return QuestionRecord(question.id, question.tier, question.topic, question.text, passage.id, passage.title,
                          passage.text, passage.address, question.evidence, passage.key_terms)


def question_of(record: QuestionRecord) -> Question:
    """The question that a record keeps."""
    return Question(id=record.question_id, text=record.text, topic=record.topic, tier=record.tier,
                    passage_id=record.passage_id, evidence=record.evidence, title=record.title)


def set_hash(questions: Sequence[Question]) -> str:
    """One hash over a set of questions, whatever their order."""
    return hashlib.sha256("\n".join(sorted(question.text for question in questions)).encode()).hexdigest()[:16]
