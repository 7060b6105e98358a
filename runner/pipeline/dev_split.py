"""Which questions the cycles are compared on, and which are kept for the chosen cycle (`store/dev_split.py`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.stage_context import StageContext
from store.dev_split import DEV
from store.events import QuestionRecord, QuestionsAsked


def split_off_dev(questions: Sequence[QuestionRecord], tier: str, count: int) -> list[QuestionRecord]:
    """Return the questions with up to `count` of a tier moved to the development tier, evenly over their order.

    At most half of the tier's questions are moved: where the teacher wrote fewer than were wanted, both sets shrink.
    """
    of_tier = [question.question_id for question in questions if question.tier == tier]
    moved = min(count, len(of_tier) // 2)
    chosen = {id for at, id in enumerate(of_tier) if (at + 1) * moved // len(of_tier) > at * moved // len(of_tier)}
    return [dataclasses.replace(question, tier=DEV) if question.question_id in chosen else question
            for question in questions]


def asked_in_cycle(context: StageContext) -> list[QuestionRecord]:
    """Return the questions in a stage's inputs, in order; within a cycle those of a locked test are left out."""
    sets = {name: event.questions for name, artifact in context.inputs.items() if (event := _asked(artifact))}
    locked = ("held-out", "general") if context.config.dev_questions and context.cycle else ()
    return [question for name, questions in sets.items() for question in questions
            if name not in locked or question.tier == DEV]


def locked_test(context: StageContext) -> list[QuestionRecord]:
    """Return the questions in a stage's inputs that only the chosen cycle's student answers, in order."""
    return [question for artifact in context.inputs.values() if (event := _asked(artifact))
            for question in event.questions if question.tier != DEV]


def _asked(artifact: Artifact) -> QuestionsAsked | None:
    return artifact.first(QuestionsAsked)
