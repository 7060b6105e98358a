"""One question to a run's students and its teacher, answered side by side, piece by piece.

For a terminal or a page alike: `ask` yields (arm, piece of text). Writes nothing: what is asked here is on no record
and counts in no score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.domain import domain_of
from knowledge.opening import name_of
from knowledge.questions import Question, question_id
from runner.roles import Answer, StreamingStudent, Teacher
from runner.stages.answers import decoding_of
from store.arms import BASELINE, TEACHER, TUNED
from store.config import OFFLINE_TEACHER, RunConfig
from store.locations import Locations

NO_TEACHER = "the offline teacher only knows the references of its own questions"


NO_ADAPTER = "there is no adapter: nothing was trained"


def arms_of(config: RunConfig, trained: bool = True) -> dict[str, str]:
    """The arms that a run's question goes to, each with why it is silent; empty where it answers."""
    return {BASELINE: "", TUNED: "" if trained else NO_ADAPTER,
            TEACHER: NO_TEACHER if config.teacher == OFFLINE_TEACHER else ""}


def ask(config: RunConfig, adapter: Path | None, question: str, places: Locations,
        open_student: Callable[[RunConfig, Path], StreamingStudent] | None = None,
        open_teacher: Callable[[RunConfig], Teacher] | None = None,
        with_teacher: bool = True) -> Iterator[tuple[str, str]]:
    """The untrained student, then the tuned one where there is an adapter, then the teacher where it can be asked.

    Raises:
        StudentError: the student cannot be had, or the adapter does not fit.
        TeacherError: the teacher cannot be asked.
    """
    yield from ask_students(config, adapter, question, places, open_student or student_of)
    if with_teacher and not arms_of(config)[TEACHER]:
        answer = ask_teacher(config, question, (open_teacher or unrecorded_teacher)(config))
        yield TEACHER, answer.text or f"(no answer: {answer.missing})"


def ask_students(config: RunConfig, adapter: Path | None, question: str, places: Locations,
                 open_student: Callable[[RunConfig, Path], StreamingStudent]) -> Iterator[tuple[str, str]]:
    """The untrained student, then the tuned one where there is an adapter.

    Raises:
        StudentError: as `ask`.
    """
    student = open_student(config, places.models)
    for arm, trained in ((BASELINE, None), *(((TUNED, adapter),) if adapter else ())):
        for piece in student.stream(question, decoding_of(config), config.seed, trained):
            yield arm, piece


def ask_teacher(config: RunConfig, question: str, teacher: Teacher) -> Answer:
    """The teacher's own answer, or why there is none; of the knowledge it is told the name alone.

    Raises:
        TeacherError: as `ask`.
    """
    domain = domain_of(name_of(config.knowledge, config.knowledge_name), ())
    return teacher.answer_all(domain, [_asked(question)], lambda answer: None)[0]


def _asked(text: str) -> Question:
    """A question of no tier, topic or passage."""
    return Question(id=question_id(text), text=text, topic="", tier="", passage_id="",
                    evidence="", title="")


def student_of(config: RunConfig, models: Path) -> StreamingStudent:
    from runner.student import open_student

    return open_student(config, models)


def unrecorded_teacher(config: RunConfig) -> Teacher:
    from runner.teacher import open_teacher

    return open_teacher(config, "", None)  # no store: a question asked in a terminal is on no record
