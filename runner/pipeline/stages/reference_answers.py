"""Generate the teacher's reference answers, each with its evidence and three distractors for choice accuracy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.distractors import make_distractors
from knowledge.questions import PARAPHRASE, Question
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import question_from_record, record_usage
from runner.pipeline.stages.given_questions import given_references
from runner.protocols import Reference
from store.events import Event, QuestionsAsked, ReferenceRecord, ReferencesWritten


def reference_answers(context: StageContext) -> Sequence[Event]:
    """Generate references for this cycle's training questions; people's answers to their own questions stay."""
    if given := given_references(context):
        return [given]
    asked = context.inputs["questions"].only(QuestionsAsked)
    written = write_references(context, [question_from_record(record) for record in asked.questions])
    record_usage(context)
    return [written]


def write_references(context: StageContext, questions: Sequence[Question]) -> ReferencesWritten:
    """Return a reference for each question; a missing one has its reason, and is never invented.

    Two distractors of a question on a taught fact are other taught facts, where there are enough: having read a text in
    training must not give it away.
    """
    taught = frozenset(question.passage_id for question in questions if question.tier == PARAPHRASE)
    teacher, counted = context.resources.teacher, itertools.count(1)
    references = teacher.write_references(context.domain, questions,
                                          lambda _: context.progress(next(counted), len(questions), "references"))
    records = [_record(context, question, found, taught if question.tier == PARAPHRASE else frozenset())
               for question, found in zip(questions, references, strict=True)]
    return ReferencesWritten(teacher.name, tuple(records))


def _record(context: StageContext, question: Question, reference: Reference,
            preferred: frozenset[str]) -> ReferenceRecord:
    domain = context.domain
    if reference.text is None:
        return ReferenceRecord(question.id, None, reference.missing or "no reference", reference.evidence, (), ())
    distractors = make_distractors(question.text, reference.text, domain.passage(question.passage_id), domain,
                                   context.config.seed, preferred)
    return ReferenceRecord(question.id, reference.text, None, reference.evidence,
                           tuple(distractor.text for distractor in distractors),
                           tuple(distractor.rule for distractor in distractors))
