"""Reference answers: the teacher's own, each with its evidence and three false ones to tell it from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.distractors import make_distractors
from knowledge.questions import Question
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import question_from_record, record_usage
from runner.protocols import Reference
from store.events import Event, QuestionsAsked, ReferenceRecord, ReferencesWritten


def reference_answers(context: StageContext) -> Sequence[Event]:
    """Answer this cycle's practice questions."""
    asked = context.inputs["questions"].only(QuestionsAsked)
    written = write_references(context, [question_from_record(record) for record in asked.questions])
    record_usage(context)
    return [written]


def write_references(context: StageContext, questions: Sequence[Question]) -> ReferencesWritten:
    """A reference for each question; one that cannot be had is missing with its reason, never made up."""
    teacher, counted = context.resources.teacher, itertools.count(1)
    references = teacher.write_references(context.domain, questions,
                                          lambda _: context.progress(next(counted), len(questions), "references"))
    records = [_record(context, question, found) for question, found in zip(questions, references, strict=True)]
    return ReferencesWritten(teacher.name, tuple(records))


def _record(context: StageContext, question: Question, reference: Reference) -> ReferenceRecord:
    domain = context.domain
    if reference.text is None:
        return ReferenceRecord(question.id, None, reference.missing or "no reference", reference.evidence, (), ())
    false = make_distractors(question.text, reference.text, domain.passage(question.passage_id), domain,
                             context.config.seed)
    return ReferenceRecord(question.id, reference.text, None, reference.evidence,
                           tuple(foil.text for foil in false), tuple(foil.rule for foil in false))
