"""Load general-knowledge questions, which measure forgetting: shipped with the project, with their answers."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.general_questions import FILE, GeneralQuestion, general_questions
from knowledge.questions import GENERAL
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import hash_of_texts
from store.data_origin import PROJECT_AUTHOR
from store.events import Event, QuestionRecord, QuestionsAsked, ReferenceRecord, ReferencesWritten

AUTHOR = PROJECT_AUTHOR
DISTRACTOR_RULE = "written with the question"


def draw_general_questions(context: StageContext) -> Sequence[Event]:
    """Return the questions and their references; the same ones in every run with this number of them."""
    questions = general_questions(context.config.general)
    return [QuestionsAsked(AUTHOR, tuple(_record(question) for question in questions), context.config.general,
                           hash_of_texts(question.text for question in questions)),
            ReferencesWritten(AUTHOR, tuple(
                ReferenceRecord(question.id, question.reference, None, question.reference, question.false,
                                (DISTRACTOR_RULE,) * len(question.false)) for question in questions))]


def _record(question: GeneralQuestion) -> QuestionRecord:
    """Convert to a record; there is no source passage, so the answer is recorded in its place."""
    return QuestionRecord(question.id, GENERAL, question.kind, question.text, question.id, question.text,
                          question.reference, f"knowledge/{FILE.name}", question.reference, question.key_terms)
