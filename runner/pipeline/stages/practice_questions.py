"""The practice questions of a cycle: new ones each time, none a twin of an earlier or a held-out one.

Where paraphrases are wanted, the practised facts are asked once more in other words; those are never trained on.
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
    """Ask this cycle's questions; fewer than wanted are taken as they are, and the record shows both numbers."""
    config, topics = context.config, trained_topics(context)
    taken = [question_from_record(record) for artifact in context.inputs.values()
             for record in artifact.only(QuestionsAsked).questions]
    told = ask_teacher(context, {PRACTICE: config.questions, PARAPHRASE: config.paraphrases},
                       {PRACTICE: topics, PARAPHRASE: topics}, config.seed + context.cycle, taken)
    if not any(isinstance(event, QuestionsAsked) and event.questions for event in told):
        raise TooFewQuestions(f"no new practice question is left on {', '.join(topics)}: "
                              "choose more topics or fewer cycles")
    record_usage(context)
    return told
