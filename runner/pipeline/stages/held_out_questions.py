"""Generate the run's frozen test with its references: on facts never taught, and on facts to be taught, reworded."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.questions import HELD_OUT, NEW_TOPIC, PARAPHRASE
from runner.pipeline import held_out_sets
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import (
    TeacherRequest, TooFewQuestions, ask_teacher, question_from_record, record_usage, trained_topics,
)
from runner.pipeline.stages.reference_answers import write_references
from store.events import Event, KnowledgeRead, QuestionsAsked
from store.headline import taught_wanted


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
    trained = trained_topics(context)
    requests = [TeacherRequest(HELD_OUT, trained, config.held_out),
                TeacherRequest(NEW_TOPIC, config.new_topics, config.new_topic_questions),
                TeacherRequest(PARAPHRASE, trained, taught_wanted(config))]
    events = ask_teacher(context, requests, config.seed, ())
    questions = [question_from_record(record) for event in events if isinstance(event, QuestionsAsked)
                 for record in event.questions]
    if any(request.count for request in requests) and not questions:
        raise TooFewQuestions(f"no test question could be generated on {', '.join(trained_topics(context))}: "
                              "add documents or topics, or set held-out to 0 to run without a test")
    references = write_references(context, questions)
    record_usage(context)
    return [*events, references]
