"""Let the untrained student answer everyday questions; its own answers are mixed into training (general replay).

What a student is trained on changes its other answers too. Its own earlier answers, as a share of the examples, hold
them where they were. The questions are not those of the forgetting check.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from knowledge.questions import GENERAL, Question, question_id
from knowledge.replay_questions import replay_questions
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.generate_answers import generation_config
from store.events import Event, ReplayAnswered, ReplayRecord


def replay_answers(context: StageContext) -> Sequence[Event]:
    """Greedy answers of the base student to the replay questions."""
    asked = [Question(id=question_id(text), text=text, topic="", tier=GENERAL, passage_id="", evidence="", title="")
             for text in replay_questions()]
    greedy = dataclasses.replace(generation_config(context.config), temperature=0.0, penalize_end=False)
    answers: dict[str, str] = {}
    context.progress(0, len(asked), "answers")
    for batch in context.resources.student.answer(asked, greedy, context.config.seed, None):
        answers |= {answer.question_id: answer.text for answer in batch if answer.text and not answer.cut_off}
        context.progress(len(answers), len(asked), "answers")
    return [ReplayAnswered(tuple(ReplayRecord(question.text, answers[question.id]) for question in asked
                                 if question.id in answers), len(asked) - len(answers))]


def replay_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """No replay, if answering failed; the stage's error records why."""
    return [ReplayAnswered((), len(replay_questions()))]
