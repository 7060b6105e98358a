"""Generate the run's frozen test with its references: on facts never taught, and on facts to be taught, reworded.

Where people brought a test of their own, it is the whole test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from knowledge.domain import Domain
from knowledge.split_stability import Comparison
from knowledge.questions import HELD_OUT, NEW_TOPIC, PARAPHRASE
from runner.pipeline import held_out_sets
from runner.pipeline.dev_split import split_off_dev
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.approved_sets import approved_set
from runner.pipeline.stages.event_records import (
    TeacherRequest, TooFewQuestions, ask_teacher, question_from_record, record_usage, trained_topics,
)
from runner.pipeline.stages.given_questions import files_read, given_test
from runner.pipeline.stages.reference_answers import write_references
from store.dataset_items import TEST
from store.dev_split import DEV
from store.events import DesignSealed, Event, KnowledgeRead, QuestionsAsked, ReferencesWritten
from store.files import sha256_of
from store.headline import margin_of, taught_wanted
from store.run_config import OFFLINE_TEACHER, RunConfig, to_json
from store.sealed_test import rows_of_test, sha256_of_test


def held_out_questions(context: StageContext) -> Sequence[Event]:
    """Generate the test questions and references before any training, or load the configured shared test set."""
    config = context.config
    if approved := approved_set(context, TEST, 0):
        test = held_out_sets.freeze_approved(_path_of_shared(context), context.domain.hash, approved) \
            if config.held_out_set else approved
        return [*test, sealed_design(config, test)]
    test = written_test(context)
    return [*documents_read(context), *test, sealed_design(config, test)]


def documents_read(context: StageContext) -> list[Event]:
    """Return the events that say which documents and which files of people's questions the run uses."""
    return [_knowledge_read(context.domain, context.resources.compared), *files_read(context.domain)]


def written_test(context: StageContext) -> list[Event]:
    """Return the events of the run's test as it is first written, or of the shared test."""
    return _shared_test(context) if context.config.held_out_set else _generate_test(context)


def shared_test_is_frozen(context: StageContext) -> bool:
    """Return whether the run uses a shared test that another run has fixed already."""
    return bool(context.config.held_out_set) and _path_of_shared(context).exists()


def _path_of_shared(context: StageContext) -> Path:
    return held_out_sets.path_of(context.run_folder.parent.parent, context.config.held_out_set)


def _knowledge_read(domain: Domain, compared: tuple[Comparison, str] | None) -> KnowledgeRead:
    read = KnowledgeRead(domain.name, domain.hash, len(domain.passages))
    if compared is None:
        return read
    found, run = compared
    return dataclasses.replace(read, compared_with=run, new=found.new, gone=found.gone, reworded=found.reworded,
                               excluded=found.excluded)


def _shared_test(context: StageContext) -> list[Event]:
    """Load the shared test set that the configuration names, or generate and freeze it."""
    path = _path_of_shared(context)
    frozen = held_out_sets.load(path, context.domain.hash)
    if frozen and context.config.dev_questions and not any(
            record.tier == DEV for event in frozen if isinstance(event, QuestionsAsked) for record in event.questions):
        raise held_out_sets.HeldOutSetError(f"shared test set {path.stem!r} has no development questions: choose "
                                            "another name, or set dev_questions to 0")
    if frozen or context.config.review:  # with a review it is frozen when it is approved
        return frozen or _generate_test(context)
    return held_out_sets.freeze(path, context.domain.hash, _generate_test(context))


def sealed_design(config: RunConfig, test: Sequence[Event]) -> DesignSealed:
    """Return the design as it is fixed before any student is asked the test, from the events that hold the test."""
    asked = [event for event in test if isinstance(event, QuestionsAsked)]
    questions = [record for event in asked for record in event.questions]
    references = [record for event in test if isinstance(event, ReferencesWritten) for record in event.references]
    seeds = tuple(dict.fromkeys((config.seed, config.seed_of_training)))
    return DesignSealed(
        questions_hash=asked[0].set_hash if asked else "",
        test_sha256=sha256_of_test(rows_of_test(questions, references)),
        questions=len(questions), headline=config.headline, headline_tier=config.headline_tier,
        margin=margin_of(config, config.headline) or 0.0, seeds=seeds,
        config_sha256=sha256_of(to_json(config).encode()))


def _generate_test(context: StageContext) -> list[Event]:
    """Return the events of the test that people brought, or that the teacher writes now."""
    events = given_test(context) or _written_by_teacher(context)
    return [_with_dev(event, context.config) if isinstance(event, QuestionsAsked) and context.config.dev_questions
            else event for event in events]


def _written_by_teacher(context: StageContext) -> list[Event]:
    config = context.config
    trained = trained_topics(context)
    dev = config.dev_questions if config.headline_tier == HELD_OUT else 0
    requests = [TeacherRequest(HELD_OUT, trained, config.held_out + dev),
                TeacherRequest(NEW_TOPIC, config.new_topics, config.new_topic_questions),
                TeacherRequest(PARAPHRASE, trained, taught_wanted(config))]
    events = ask_teacher(context, requests, config.seed, ())
    questions = [question_from_record(record) for event in events if isinstance(event, QuestionsAsked)
                 for record in event.questions]
    if any(request.count for request in requests) and not questions:
        other = ("add documents or topics" if config.teacher != OFFLINE_TEACHER else "the offline teacher asks only "
                 "about sentences whose grammar it knows: name a chat teacher, add documents or topics")
        raise TooFewQuestions(f"no test question could be generated on {', '.join(trained_topics(context))}: {other}, "
                              "or set held-out to 0 to run without a test")
    references = write_references(context, questions)
    record_usage(context)
    return [*events, references]


def _with_dev(asked: QuestionsAsked, config: RunConfig) -> QuestionsAsked:
    """Move some of the headline tier's questions to the development tier."""
    return dataclasses.replace(asked, questions=tuple(
        split_off_dev(asked.questions, config.headline_tier, config.dev_questions)))
