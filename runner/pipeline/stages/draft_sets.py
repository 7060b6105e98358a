"""Draft the test and the training questions of all cycles, with references, for people to review; write some again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from knowledge.questions import NEW_TOPIC, PARAPHRASE, PRACTICE, PassageChoice
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import (
    NoUsableReply, TeacherRequest, TooFewQuestions, ask_teacher, question_from_record, record_usage, set_hash,
    trained_topics,
)
from runner.pipeline.stages.held_out_questions import documents_read, shared_test_is_frozen, written_test
from runner.pipeline.stages.practice_questions import questions_of_cycle
from runner.pipeline.stages.reference_answers import references_of_cycle, write_references
from runner.pipeline.taught_facts import is_taught
from store.data_origin import PEOPLE, kind_of_writer
from store.dataset_items import REJECTED, TEST, TRAIN, DatasetReview
from store.dev_split import DEV
from store.events import (
    AddedRecord, Event, ItemsDrafted, ItemsReviewed, QuestionRecord, QuestionsAsked, QuestionsRejected, Recorded,
    ReferencesWritten, ReviewFinished, WantedAgain,
)

SEED_STEP = 1009
"""Between the seeds of two rounds, so that none asks with the seed of a later cycle."""


def draft_test(context: StageContext) -> Sequence[Event]:
    """Draft the test with its references; a shared test that another run has fixed is sealed."""
    sealed = shared_test_is_frozen(context)
    return [*documents_read(context), drafted(TEST, 0, 1, written_test(context), sealed)]


def draft_practice(context: StageContext) -> Sequence[Event]:
    """Draft the training questions of every cycle with their references."""
    test = context.inputs["test-drafts"].only(ItemsDrafted).questions
    taken, sets = list(test), []
    for cycle in range(1, context.config.cycles + 1):
        of_cycle = dataclasses.replace(context, cycle=cycle)
        events = list(questions_of_cycle(of_cycle, test, taken))
        asked = next(event for event in events if isinstance(event, QuestionsAsked))
        sets.append(drafted(TRAIN, cycle, 1, [*events, references_of_cycle(of_cycle, asked)]))
        taken += asked.questions
    return sets


def drafted(part: str, cycle: int, round: int, events: Sequence[Event], sealed: bool = False) -> ItemsDrafted:
    """Return the event that holds a set's drafts, from the events of its questions and references."""
    (asked,) = (event for event in events if isinstance(event, QuestionsAsked))
    (written,) = (event for event in events if isinstance(event, ReferencesWritten))
    rejected = next((event.rejected for event in events if isinstance(event, QuestionsRejected)), ())
    return ItemsDrafted(part, cycle, round, asked.teacher, written.teacher, asked.questions, written.references,
                        rejected, asked.wanted, asked.set_hash, sealed)


def added_in_review(recorded: Iterable[Recorded]) -> list[AddedRecord]:
    """Return the questions that people added before the review ended."""
    found: list[AddedRecord] = []
    for one in recorded:
        if isinstance(one.event, ReviewFinished):
            break
        found += one.event.added if isinstance(one.event, ItemsReviewed) else ()
    return found


def draft_again(context: StageContext, drafts: Sequence[ItemsDrafted], added: Sequence[QuestionRecord],
                review: DatasetReview, wanted: Sequence[WantedAgain], round: int) -> ItemsDrafted:
    """Write questions of one set in place of rejected ones; fewer where the teacher has no other.

    Args:
        context: of the stage.
        drafts: all sets so far; none of their questions is repeated.
        added: questions that people added; none of them is repeated either.
        review: what people decided about them.
        wanted: how many of each tier, all of one set.
        round: number of this drafting.
    """
    part, cycle = wanted[0].part, wanted[0].of_cycle
    of_set = dataclasses.replace(context, cycle=cycle)
    records = [record for draft in drafts for record in draft.questions]
    seed = context.config.seed + cycle + SEED_STEP * (round - 1)
    count = sum(one.count for one in wanted)
    requests = [request for one in wanted for request in _requests(of_set, one, records, review)]
    taken = [question_from_record(record) for record in (*records, *added)]
    taken += [dataclasses.replace(question_from_record(record), text=edited.question) for record in (*records, *added)
              if (edited := review.item(record.question_id)) and edited.question != record.text]
    try:
        events = ask_teacher(of_set, requests, seed, taken)
    except (TooFewQuestions, NoUsableReply):
        events = []
    asked = next((event for event in events if isinstance(event, QuestionsAsked)), None)
    first = next(draft for draft in drafts if (draft.part, draft.of_cycle) == (part, cycle))
    questions = tuple(_development(record, wanted) for record in asked.questions) if asked else ()
    written = write_references(of_set, [question_from_record(record) for record in questions])
    record_usage(of_set)
    return drafted(part, cycle, round, [
        QuestionsAsked(first.teacher, questions, count, set_hash([*map(question_from_record, questions)])), written,
        *(event for event in events if isinstance(event, QuestionsRejected))])


def _requests(context: StageContext, wanted: WantedAgain, records: Sequence[QuestionRecord],
              review: DatasetReview) -> list[TeacherRequest]:
    """Return what to ask the teacher for: about the facts that the test covers first, where it is about training."""
    topics = trained_topics(context)
    rejected = {one.question_id for one in review.of(REJECTED)}
    practised = {one.passage_id for one in records if one.tier == PRACTICE and one.question_id not in rejected}
    if wanted.tier == PRACTICE:
        tested = {one.passage_id for one in records if is_taught(one)}
        open_facts = frozenset(one.passage_id for one in records
                               if one.question_id in rejected and one.passage_id in tested - practised)
        first = min(wanted.count, len(open_facts))
        return [TeacherRequest(PRACTICE, topics, first, PassageChoice(only=open_facts)),
                TeacherRequest(PRACTICE, topics, wanted.count - first, PassageChoice(exclude=frozenset(tested)))]
    tier = context.config.headline_tier if wanted.tier == DEV else wanted.tier
    if tier == PARAPHRASE:
        return [TeacherRequest(PARAPHRASE, topics, wanted.count, PassageChoice(only=frozenset(practised)))]
    return [TeacherRequest(tier, context.config.new_topics if tier == NEW_TOPIC else topics, wanted.count)]


def _development(record: QuestionRecord, wanted: Sequence[WantedAgain]) -> QuestionRecord:
    """Return a question as a development question where such were asked for and none of its own tier."""
    tiers = {one.tier for one in wanted}
    return dataclasses.replace(record, tier=DEV) if DEV in tiers and record.tier not in tiers else record


def written_by_people(draft: ItemsDrafted) -> bool:
    """Return whether people brought a set."""
    return kind_of_writer(draft.teacher) == PEOPLE


