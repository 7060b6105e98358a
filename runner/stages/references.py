"""Reference answers: the teacher's own, each with its evidence and three false ones to tell it from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.foils import foils
from knowledge.questions import Question
from runner.roles import Reference
from runner.stage import Context
from runner.stages.records import question_of, tell_usage
from store.events import Event, QuestionsAsked, ReferenceRecord, ReferencesWritten


def references(context: Context) -> Sequence[Event]:
    """Answer this cycle's practice questions."""
    asked = context.inputs["questions"].only(QuestionsAsked)
    written = write_references(context, [question_of(record) for record in asked.questions])
    tell_usage(context)
    return [written]


def write_references(context: Context, questions: Sequence[Question]) -> ReferencesWritten:
    """A reference for each question; one that cannot be had is missing with its reason, never made up."""
    teacher, counted = context.workbench.teacher, itertools.count(1)
    references = teacher.refer_all(context.domain, questions,
                                   lambda _: context.progress(next(counted), len(questions), "references"))
    records = [_record(context, question, found) for question, found in zip(questions, references, strict=True)]
    return ReferencesWritten(teacher.name, tuple(records))


def _record(context: Context, question: Question, reference: Reference) -> ReferenceRecord:
    domain = context.domain
    if reference.text is None:
        return ReferenceRecord(question.id, None, reference.missing or "no reference", reference.evidence, (), ())
    false = foils(question.text, reference.text, domain.passage(question.passage_id), domain, context.config.seed)
    return ReferenceRecord(question.id, reference.text, None, reference.evidence,
                           tuple(foil.text for foil in false), tuple(foil.rule for foil in false))
