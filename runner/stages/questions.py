"""The practice questions of a cycle: new ones each time, none a twin of an earlier or a held-out one."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.questions import PRACTICE
from runner.stage import Context
from runner.stages.records import asked, question_of
from store.events import Event, QuestionsAsked


class TooFewQuestions(Exception):
    """The knowledge base holds nothing (more) to ask on the chosen topics."""


def practice_questions(context: Context) -> Sequence[Event]:
    """Ask this cycle's questions; fewer than wanted are taken as they are, and the record shows both numbers."""
    config, domain, teacher = context.config, context.domain, context.workbench.teacher
    taken = [question_of(record) for artifact in context.inputs.values()
             for record in artifact.only(QuestionsAsked).questions]
    questions = teacher.ask(domain, config.topics, config.questions, PRACTICE, config.seed + context.cycle, taken)
    if not questions:
        raise TooFewQuestions(f"no new practice question is left on {', '.join(config.topics)}: "
                              "choose more topics or fewer cycles")
    context.progress(len(questions), config.questions, "questions")
    return [asked(domain, teacher.name, questions, config.questions)]
