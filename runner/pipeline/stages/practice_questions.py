"""Generate the training questions of a cycle: new ones each time, no near-duplicates of earlier or test questions.

The facts that the test asks about in other words come first. If paraphrases are configured, further test questions on
trained facts follow; those are never trained on. A practice set that people brought is used instead, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.questions import PARAPHRASE, PRACTICE, PassageChoice
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.approved_sets import approved_set
from runner.pipeline.stages.event_records import (
    TeacherRequest, TooFewQuestions, ask_teacher, question_from_record, record_usage, trained_topics,
)
from runner.pipeline.stages.given_questions import given_practice
from runner.pipeline.taught_facts import passages_by_cycle
from store.dataset_items import TRAIN
from store.events import Event, QuestionRecord, QuestionsAsked


def practice_questions(context: StageContext) -> Sequence[Event]:
    """Generate this cycle's questions; fewer than requested are accepted, and both numbers are recorded."""
    if approved := approved_set(context, TRAIN, context.cycle):
        return approved[:1]
    records = [record for artifact in context.inputs.values() for record in artifact.only(QuestionsAsked).questions]
    return questions_of_cycle(context, context.inputs["held-out"].only(QuestionsAsked).questions, records)


def questions_of_cycle(context: StageContext, test: Sequence[QuestionRecord],
                       taken: Sequence[QuestionRecord]) -> Sequence[Event]:
    """Return the events of a cycle's questions: people's own, or new ones of the teacher.

    Args:
        context: of the cycle.
        test: the run's test.
        taken: questions that must not be repeated, the test's among them.
    """
    if given := given_practice(context):
        return given
    config, topics = context.config, trained_topics(context)
    requests = [*_practice_requests(context, test), TeacherRequest(PARAPHRASE, topics, config.paraphrases)]
    events = ask_teacher(context, requests, config.seed + context.cycle, [*map(question_from_record, taken)])
    if not any(isinstance(event, QuestionsAsked) and event.questions for event in events):
        raise TooFewQuestions(f"no new training question is left on {', '.join(topics)}: "
                              "choose more topics or fewer cycles")
    record_usage(context)
    return events


def _practice_requests(context: StageContext, test: Sequence[QuestionRecord]) -> list[TeacherRequest]:
    """Ask about the passages that the test covers and this cycle teaches first, then about others for what is left."""
    config, topics = context.config, trained_topics(context)
    dealt = passages_by_cycle(test, config.cycles)
    now, later = dealt[context.cycle - 1], frozenset(id for ids in dealt for id in ids)
    wanted = min(len(now), config.questions)
    return [TeacherRequest(PRACTICE, topics, wanted, PassageChoice(only=frozenset(now))),
            TeacherRequest(PRACTICE, topics, config.questions - wanted, PassageChoice(exclude=later))]
