"""What the questions rest on that people added in the review, beside the documents' passages."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.domain import Domain, with_passages
from knowledge.given_questions import ANSWER_ALONE, PEOPLE
from knowledge.passages import Passage
from knowledge.questions import PRACTICE
from runner.pipeline.stage_context import StageContext
from store.events import QuestionRecord, QuestionsAsked, ReferencesWritten


def domain_of_questions(context: StageContext) -> Domain:
    """Return the domain with a passage for every question that the stage reads; nearly always the domain itself."""
    known = {passage.id for passage in context.domain.passages}
    events = [event for artifact in context.inputs.values() for event in artifact.events]
    added = [record for event in events if isinstance(event, QuestionsAsked) for record in event.questions
             if record.passage_id not in known]
    if not added:
        return context.domain
    answers = {one.question_id: one.text or "" for event in events if isinstance(event, ReferencesWritten)
               for one in event.references}
    return with_added(context.domain, ((record, answers.get(record.question_id, "")) for record in added))


def with_added(domain: Domain, added: Iterable[tuple[QuestionRecord, str]]) -> Domain:
    """Return the domain with the passages of questions that people added, each given with its answer."""
    return with_passages(domain, (_passage(record, answer) for record, answer in added))


def _passage(record: QuestionRecord, answer: str) -> Passage:
    """Return the passage that a person gave with a question, or without one the answer itself."""
    return Passage(record.passage_id, record.topic, PEOPLE if record.passage else ANSWER_ALONE, record.title,
                   record.passage or answer, record.address, record.key_terms,
                   (record.text,) if record.tier == PRACTICE else (), () if record.tier == PRACTICE else (record.text,))
