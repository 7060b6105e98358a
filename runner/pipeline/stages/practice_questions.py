"""Generate the training questions of a cycle: new ones each time, no near-duplicates of earlier or test questions.

If paraphrases are configured, the trained facts are also asked in other words; those are never trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.questions import PARAPHRASE, PRACTICE
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import (
    TooFewQuestions, ask_teacher, question_from_record, record_usage, trained_topics,
)
from store.events import Event, QuestionsAsked


def practice_questions(context: StageContext) -> Sequence[Event]:
    """Generate this cycle's questions; fewer than requested are accepted, and both numbers are recorded."""
    config, topics = context.config, trained_topics(context)
    taken = [question_from_record(record) for artifact in context.inputs.values()
             for record in artifact.only(QuestionsAsked).questions]
    events = ask_teacher(context, {PRACTICE: config.questions, PARAPHRASE: config.paraphrases},
                         {PRACTICE: topics, PARAPHRASE: topics}, config.seed + context.cycle, taken)
    if not any(isinstance(event, QuestionsAsked) and event.questions for event in events):
        raise TooFewQuestions(f"no new training question is left on {', '.join(topics)}: "
                              "choose more topics or fewer cycles")
    record_usage(context)
    return events
