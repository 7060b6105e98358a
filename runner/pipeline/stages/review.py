"""Wait until people have reviewed the drafts, write rejected ones again when asked, and return what was approved."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from itertools import groupby

from knowledge.distractors import make_distractors
from knowledge.domain import Domain
from knowledge.questions import PRACTICE, question_id
from knowledge.near_duplicate_texts import SAME_TEXT
from runner.pipeline.stage_context import StageContext, WaitsForReview
from runner.pipeline.stages.added_passages import with_added
from runner.pipeline.stages.approved_sets import edited_key_terms
from runner.pipeline.stages.draft_sets import added_in_review, draft_again, written_by_people
from runner.pipeline.stages.event_records import hash_of_texts, question_from_record
from runner.pipeline.stages.given_questions import EQUAL, answers_as_passages
from runner.pipeline.stages.reference_answers import preferred_passages
from runner.pipeline.taught_facts import is_taught
from store.dataset_items import BY_PEOPLE, KINDS, REJECTED, UNDECIDED, DatasetItem, DatasetReview, review_of
from store.events import (
    AddedRecord, DraftsAskedAgain, EditedRecord, Event, ItemsApproved, ItemsDrafted, QuestionRecord, Recorded,
    ReferenceRecord, RejectedRecord,
)


def review(context: StageContext) -> Sequence[Event]:
    """Return every set as it was approved.

    Raises:
        WaitsForReview: people have not ended the review; what they asked for again is written and recorded.
    """
    recorded = [*_of_inputs(context), *(one for one in context.recorded if isinstance(one.event, KINDS)
                                        and not (isinstance(one.event, ItemsDrafted) and one.event.round == 1))]
    asked = [one.event for one in recorded if isinstance(one.event, DraftsAskedAgain)]
    if asked:
        recorded = _written_again(context, recorded, asked[-1])
    # Without what an earlier attempt approved, and without later corrections, which change nothing in this run.
    state = review_of((one for one in recorded if not isinstance(one.event, ItemsApproved)), version=1)
    if not state.finished:
        raise WaitsForReview(len(state.of(UNDECIDED)), state.round)
    return _approved_sets(context, recorded, state)


def _of_inputs(context: StageContext) -> list[Recorded]:
    return [Recorded(context.run, 0, 0, context.stage, "", event) for name in ("test-drafts", "practice-drafts")
            for event in context.inputs[name].events if isinstance(event, ItemsDrafted)]


def _written_again(context: StageContext, recorded: list[Recorded], asked: DraftsAskedAgain) -> list[Recorded]:
    """Write each set that was asked for again and is not there yet, and record it at once."""
    for (part, cycle), group in groupby(asked.wanted, lambda one: (one.part, one.of_cycle)):
        drafts = _drafts(recorded)
        if any((one.part, one.of_cycle, one.round) == (part, cycle, asked.round) for one in drafts):
            continue
        written = draft_again(context, drafts, [one.question for one in added_in_review(recorded)],
                              review_of(recorded), list(group), asked.round)
        context.emit(written)
        recorded = [*recorded, Recorded(context.run, 0, 0, context.stage, "", written)]
    return recorded


def _drafts(recorded: Iterable[Recorded]) -> list[ItemsDrafted]:
    """Return all drafts, each round of a set once, by round."""
    found = {(one.event.part, one.event.of_cycle, one.event.round): one.event for one in recorded
             if isinstance(one.event, ItemsDrafted)}
    return sorted(found.values(), key=lambda one: one.round)


def _approved_sets(context: StageContext, recorded: Sequence[Recorded], state: DatasetReview) -> list[Event]:
    drafts, added = _drafts(recorded), added_in_review(recorded)
    items = {one.question_id: one for one in state.items}
    untaught = _untaught_passages(drafts, items)
    sets = dict.fromkeys((one.part, one.of_cycle) for one in drafts)
    return [_approved(context, [one for one in drafts if (one.part, one.of_cycle) == of_set],
                      [one for one in added if (one.part, one.of_cycle) == of_set], items, untaught)
            for of_set in sets]


def _untaught_passages(drafts: Sequence[ItemsDrafted], items: dict[str, DatasetItem]) -> frozenset[str]:
    """Return the passages whose training questions were all rejected."""
    practised = [record for one in drafts for record in one.questions if record.tier == PRACTICE]
    kept = {record.passage_id for record in practised if items[record.question_id].decision != REJECTED}
    return frozenset(record.passage_id for record in practised) - kept


def _approved(context: StageContext, drafts: Sequence[ItemsDrafted], added: Sequence[AddedRecord],
              items: dict[str, DatasetItem], untaught: frozenset[str]) -> ItemsApproved:
    """Return one set as it was approved.

    Args:
        context: of the stage.
        drafts: of the set, by round.
        added: of the set, by people.
        items: what people decided, by id.
        untaught: passages that are not taught any more; the test does not ask about them as taught.
    """
    first, sealed = drafts[0], drafts[0].sealed
    questions: list[QuestionRecord] = []
    references: list[ReferenceRecord] = []
    edited: list[EditedRecord] = []
    left_out: list[RejectedRecord] = []
    own = written_by_people(first)
    written = {one.question_id: one for draft in drafts for one in draft.references}
    written |= {one.question.question_id: _reference_of_added(context, one, own) for one in added}
    for record in [*(one for draft in drafts for one in draft.questions), *(one.question for one in added)]:
        item, reference = items[record.question_id], written.get(record.question_id)
        reason = f"{BY_PEOPLE}{item.by}: {item.reason}" if item.decision == REJECTED else \
            "the question that would teach its fact was rejected" \
            if is_taught(record) and record.passage_id in untaught and not sealed else ""
        if reason:
            left_out.append(RejectedRecord(item.question, record.topic, record.tier, record.passage_id, reason))
            continue
        if item.edited:
            record, reference = _edited(context, record, reference, item, own)
            edited.append(EditedRecord(record.question_id, item.question_id))
        questions.append(record)
        references += [reference] if reference else []
    same = not edited and not left_out and not added and len(drafts) == 1
    answers = {one.question_id: one.text for one in references}
    with_answers = bool(edited or added) or own
    texts = [f"{one.text}\n{answers.get(one.question_id)}" if with_answers else one.text for one in questions]
    return ItemsApproved(first.part, first.of_cycle, first.teacher, first.reference_writer, tuple(questions),
                         tuple(references), first.wanted, first.set_hash if same else hash_of_texts(texts),
                         tuple(edited), tuple(left_out), tuple(added))


def _reference_of_added(context: StageContext, added: AddedRecord, own: bool) -> ReferenceRecord:
    """Return a person's answer to an added question as its reference, with distractors."""
    record = added.question
    foils, rules = _distractors(context, record, added.answer, own)
    return ReferenceRecord(record.question_id, added.answer, None, record.evidence, foils, rules)


def _edited(context: StageContext, record: QuestionRecord, reference: ReferenceRecord | None, item: DatasetItem,
            own: bool) -> tuple[QuestionRecord, ReferenceRecord | None]:
    """Return a question and its reference with a person's texts, evidence and distractors that fit them.

    Args:
        context: of the stage.
        record: the draft.
        reference: its reference.
        item: with the texts.
        own: whether people brought the set.
    """
    answer = item.answer or ""
    same_answer = reference is not None and reference.text == answer
    evidence = record.evidence if same_answer or record.evidence.casefold() in answer.casefold() else \
        answer if answer and answer.casefold() in record.passage.casefold() else ""
    new = dataclasses.replace(
        record, question_id=question_id(item.question), text=item.question, evidence=evidence,
        key_terms=record.key_terms if same_answer else edited_key_terms(record.key_terms, item.question, answer))
    if same_answer and reference is not None:
        return new, dataclasses.replace(reference, question_id=new.question_id)
    if not answer:
        return new, None
    foils, rules = _distractors(context, new, answer, own)
    return new, ReferenceRecord(new.question_id, answer, None, evidence, foils, rules)


def _distractors(context: StageContext, record: QuestionRecord, answer: str,
                 own: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return distractors of an edited answer with their rules; none where too few other texts differ from it."""
    domain: Domain = answers_as_passages(context.domain) if own else context.domain
    preferred = frozenset[str]() if own else preferred_passages(
        context.domain, [question_from_record(record)]).get(record.tier, frozenset())
    if all(passage.id != record.passage_id for passage in domain.passages):
        domain = with_added(domain, [(record, answer)])
    with contextlib.suppress(ValueError):
        found = make_distractors(record.text, answer, domain.passage(record.passage_id), domain, context.config.seed,
                                 preferred - {record.passage_id}, EQUAL if own else SAME_TEXT)
        return tuple(one.text for one in found), tuple(one.rule for one in found)
    return (), ()
