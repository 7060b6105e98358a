"""Generate the teacher's reference answers, each with its evidence and three distractors for choice accuracy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.distractors import make_distractors
from knowledge.domain import Domain
from knowledge.questions import HELD_OUT, PARAPHRASE, Question
from knowledge.split import held_out_passages
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.approved_sets import approved_set
from runner.pipeline.stages.event_records import question_from_record, record_usage
from runner.pipeline.stages.given_questions import given_references
from runner.protocols import Reference
from store.dataset_items import TRAIN
from store.events import Event, QuestionsAsked, ReferenceRecord, ReferencesWritten


def reference_answers(context: StageContext) -> Sequence[Event]:
    """Generate references for this cycle's training questions; people's answers to their own questions stay."""
    if approved := approved_set(context, TRAIN, context.cycle):
        return approved[1:]
    return [references_of_cycle(context, context.inputs["questions"].only(QuestionsAsked))]


def references_of_cycle(context: StageContext, asked: QuestionsAsked) -> ReferencesWritten:
    """Return the references to a cycle's questions."""
    if given := given_references(context, asked):
        return given
    written = write_references(context, [question_from_record(record) for record in asked.questions])
    record_usage(context)
    return written


def write_references(context: StageContext, questions: Sequence[Question]) -> ReferencesWritten:
    """Return a reference for each question; a missing one has its reason, and is never invented.

    Two distractors of a question on a taught fact are other taught facts, and of one on a held-out fact other held-out
    passages, where there are enough: having read a text in training must neither give it away nor speak against it.
    """
    preferred, counted = preferred_passages(context.domain, questions), itertools.count(1)
    written = context.resources.teacher.write_references(
        context.domain, questions, lambda _: context.progress(next(counted), len(questions), "references"))
    records = [_record(context, question, found, preferred.get(question.tier, frozenset()))
               for question, found in zip(questions, written, strict=True)]
    return ReferencesWritten(context.resources.teacher.name, tuple(records))


def preferred_passages(domain: Domain, questions: Sequence[Question]) -> dict[str, frozenset[str]]:
    """Tier -> ids of the passages that training leaves as likely, or makes as likely, as the tier's own."""
    found = {PARAPHRASE: frozenset(one.passage_id for one in questions if one.tier == PARAPHRASE)}
    if any(one.tier == HELD_OUT for one in questions):
        found[HELD_OUT] = frozenset(passage.id for passage in held_out_passages(domain))
    return found


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
