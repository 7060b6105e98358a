"""Answer queued playground questions and verify queued exports, in a process of its own, until nothing is left.

One after the other, questions first. The loaded student is cached between questions; the process exits after a while
without any, to free its memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runner import hardware
from runner.export.errors import CannotExport
from runner.export.served_models import ServedModel, ask_served, served_model
from runner.export.student_export import tuned_cycle
from runner.playground import ask
from runner.playground.ask import SERVED
from runner.playground.requested_verification import verify_requested
from runner.playground.teacher_answer import ask_paid_teacher
from runner.protocols import StreamingStudent, Teacher
from runner.student.errors import StudentError
from runner.student.exported_model import CannotAnswer
from store import queries
from store.commands import playground, verifications
from store.commands.playground import UNTRAINED, ArmAnswer, Claimed
from store.control_arms import TEACHER
from store.database import Store
from store.paths import Paths
from store.run_config import RunConfig

IDLE_SECONDS = 60.0
POLL_SECONDS = 0.2
WRITE_SECONDS = 0.3
"""Streamed pieces are written at this interval, not in a transaction each."""


def serve_questions(store: Store, paths: Paths, owner: str, idle_seconds: float = IDLE_SECONDS,
                    open_student: Callable[[RunConfig, Path], StreamingStudent] | None = None,
                    open_teacher: Callable[[RunConfig, Claimed], Teacher] | None = None) -> int:
    """Answer and verify until nothing was asked for `idle_seconds`; return how much was done."""
    students = StudentCache(open_student or ask.open_student)
    answered, until = 0, time.monotonic() + idle_seconds
    while time.monotonic() < until:
        if claimed := playground.claim_next(store, owner):
            _answer(store, paths, claimed, students, open_teacher)
        elif asked := verifications.claim_next(store, owner):
            students.unload()
            verify_requested(store, paths, asked)
        else:
            time.sleep(POLL_SECONDS)
            continue
        answered, until = answered + 1, time.monotonic() + idle_seconds
    return answered


class StudentCache:
    """Opens a student, and returns the same one while the configuration stays the same."""

    def __init__(self, open_student: Callable[[RunConfig, Path], StreamingStudent]) -> None:
        self._open = open_student
        self._cached: tuple[RunConfig, StreamingStudent] | None = None

    def unload(self) -> None:
        """Free the memory of the student that is kept."""
        self._cached = None

    def __call__(self, config: RunConfig, models: Path) -> StreamingStudent:
        if self._cached is None or self._cached[0] != config:
            self.unload()  # first, because two may not fit into memory
            self._cached = (config, self._open(config, models))
        return self._cached[1]


def _answer(store: Store, paths: Paths, claimed: Claimed, open_student: StudentCache,
            open_teacher: Callable[[RunConfig, Claimed], Teacher] | None) -> None:
    """Answer one question and record the answers; an error is recorded as the question's failure."""
    try:
        config, adapter = _resolve_target(store, paths, claimed)
        served = served_model(paths, claimed.run, claimed.cycle)
        arms = ask.answering_arms(config, adapter is not None, claimed.with_teacher, served is not None)
        pieces = ask.answer_with_students(config, adapter, claimed.question, paths, open_student)
        answers = _stream_to_store(store, claimed, arms, pieces)
        if answers and served:
            answers[list(arms).index(SERVED)] = _ask_served(served, claimed, config)
        if answers and not arms[TEACHER]:
            answers[-1] = ask_paid_teacher(store, claimed, config, open_teacher)
        if answers:
            playground.finish(store, claimed, answers)
    except (CannotExport, StudentError, hardware.InsufficientMemory, hardware.NoSmallerPlan) as error:
        playground.fail(store, claimed, str(error))


def _ask_served(served: ServedModel, claimed: Claimed, config: RunConfig) -> ArmAnswer:
    """Return the answer of the endpoint, or why it gives none: that costs no other arm its answer."""
    try:
        return ArmAnswer(SERVED, ask_served(served, claimed.question, config.max_new_tokens), True)
    except CannotAnswer as error:
        return ArmAnswer(SERVED, finished=True, silent=str(error))


def _resolve_target(store: Store, paths: Paths, claimed: Claimed) -> tuple[RunConfig, Path | None]:
    if claimed.cycle != UNTRAINED:
        run, _, adapter = tuned_cycle(store, paths, claimed.run, claimed.cycle)
        return run.config, adapter
    found = queries.find_run(store, claimed.run)
    if found is None:
        raise CannotExport(f"no run {claimed.run!r}: it was deleted meanwhile")
    return found.config, None


def _stream_to_store(store: Store, claimed: Claimed, arms: dict[str, str],
                     pieces: Iterator[tuple[str, str]]) -> list[ArmAnswer]:
    """Write the students' answers to the store while they stream, a few times a second; return the complete answers.

    Those of an endpoint and of the teacher are still empty. Returns nothing if another process has claimed the question
    meanwhile.
    """
    texts, current, written_at = dict.fromkeys(arms, ""), "", 0.0
    for arm, piece in pieces:
        texts[arm] += piece
        if arm != current or time.monotonic() - written_at >= WRITE_SECONDS:
            current, written_at = arm, time.monotonic()
            if not playground.write(store, claimed, _snapshot(arms, texts, current)):
                return []
    answers = _snapshot(arms, texts, None)
    waiting = [arm for arm, reason in arms.items() if arm in (SERVED, TEACHER) and not reason]
    so_far = [ArmAnswer(one.arm) if one.arm in waiting else one for one in answers]
    return answers if not waiting or playground.write(store, claimed, so_far) else []


def _snapshot(arms: dict[str, str], texts: dict[str, str], current: str | None) -> list[ArmAnswer]:
    """Return the answers so far. Arms stream sequentially: those before `current` are complete; None means all are."""
    order = list(arms)
    done = order if current is None else order[:order.index(current)]
    return [ArmAnswer(arm, texts[arm], arm in done, reason) for arm, reason in arms.items()]
