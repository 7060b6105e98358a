"""Generate the run's frozen test: questions on passages that are never trained on, with their references."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.questions import HELD_OUT, NEW_TOPIC
from runner.pipeline import held_out_sets
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import (
    TooFewQuestions, ask_teacher, question_from_record, record_usage, trained_topics,
)
from runner.pipeline.stages.reference_answers import write_references
from store.events import Event, KnowledgeRead, QuestionsAsked


def held_out_questions(context: StageContext) -> Sequence[Event]:
    """Generate the test questions and references before any training, or load the configured shared test set."""
    config, domain = context.config, context.domain
    known = KnowledgeRead(domain.name, domain.hash, len(domain.passages))
    if not config.held_out_set:
        return [known, *_generate_test(context)]
    path = held_out_sets.path_of(context.run_folder.parent.parent, config.held_out_set)
    frozen = held_out_sets.load(path, domain.hash)
    return [known, *(frozen or held_out_sets.freeze(path, domain.hash, _generate_test(context)))]


def _generate_test(context: StageContext) -> list[Event]:
    config = context.config
    wanted = {HELD_OUT: config.held_out, NEW_TOPIC: config.new_topic_questions}
    events = ask_teacher(context, wanted, {HELD_OUT: trained_topics(context), NEW_TOPIC: config.new_topics},
                         config.seed, ())
    questions = [question_from_record(record) for event in events if isinstance(event, QuestionsAsked)
                 for record in event.questions]
    if any(wanted.values()) and not questions:
        raise TooFewQuestions(f"no test question could be generated on {', '.join(trained_topics(context))}: "
                              "add documents or topics, or set held-out to 0 to run without a test")
    references = write_references(context, questions)
    record_usage(context)
    return [*events, references]
