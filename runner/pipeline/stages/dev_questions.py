"""Set the development questions apart, so that a training may be scored on them without reading the test."""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.stage_context import StageContext
from store.dev_split import DEV
from store.events import DevQuestionsSetApart, Event, QuestionsAsked, ReferencesWritten


def set_dev_questions_apart(context: StageContext) -> Sequence[Event]:
    """Copy the development questions and their references from the test's artifact; nothing else of it."""
    artifact = context.inputs["held-out"]
    questions = tuple(one for one in artifact.only(QuestionsAsked).questions if one.tier == DEV)
    ids = {one.question_id for one in questions}
    return [DevQuestionsSetApart(questions, tuple(
        one for one in artifact.only(ReferencesWritten).references if one.question_id in ids))]
