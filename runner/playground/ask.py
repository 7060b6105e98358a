"""Answer one question with a run's base and fine-tuned student and its teacher, streamed piece by piece.

For terminal and dashboard: yields (arm, piece of text). These questions count in no score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.domain import domain_of
from runner.pipeline.run_knowledge import domain_name
from knowledge.questions import Question, question_id
from runner.pipeline.stages.generate_answers import generation_config
from runner.protocols import Answer, StreamingStudent, Teacher
from store.control_arms import BASELINE, TEACHER, TUNED
from store.paths import Paths
from store.run_config import OFFLINE_TEACHER, RunConfig

SERVED = "served"
"""The fine-tuned student behind a running `serve-model`, with the passages before the question if that puts them."""
NO_TEACHER = "the offline teacher only knows the references of its own questions"
NO_ADAPTER = "there is no adapter: the student was not fine-tuned"
NOT_ASKED = "not asked"


def answering_arms(config: RunConfig, trained: bool = True, with_teacher: bool = True,
                   served: bool = False) -> dict[str, str]:
    """Return arm -> the reason why it gives no answer; empty if it answers."""
    return {BASELINE: "", TUNED: "" if trained else NO_ADAPTER, **({SERVED: ""} if served else {}),
            TEACHER: NO_TEACHER if config.teacher == OFFLINE_TEACHER else "" if with_teacher else NOT_ASKED}


def answer_with_students(config: RunConfig, adapter: Path | None, question: str, paths: Paths,
                         open_student: Callable[[RunConfig, Path], StreamingStudent]) -> Iterator[tuple[str, str]]:
    """Stream the answers of the base student, then of the fine-tuned one if there is an adapter.

    Raises:
        StudentError: the student cannot be loaded, or the adapter does not fit.
    """
    student = open_student(config, paths.models)
    for arm, arm_adapter in ((BASELINE, None), *(((TUNED, adapter),) if adapter else ())):
        for piece in student.stream(question, generation_config(config), config.seed, arm_adapter):
            yield arm, piece


def answer_with_teacher(config: RunConfig, question: str, teacher: Teacher) -> Answer:
    """Return the teacher's closed-book answer, or why there is none; its prompt only names the documents.

    Raises:
        TeacherError: the call to the teacher failed.
    """
    domain = domain_of(domain_name(config), ())
    return teacher.answer_closed_book(domain, [_question(question)], lambda answer: None)[0]


def _question(text: str) -> Question:
    """Return a question without tier, topic or passage."""
    return Question(id=question_id(text), text=text, topic="", tier="", passage_id="", evidence="", title="")


def open_student(config: RunConfig, models: Path) -> StreamingStudent:
    from runner.student import open_student

    return open_student(config, models)
