"""Answers what people ask on a page: one question after the other, in a process of its own, until none comes.

The loaded student is kept between questions; the process ends after a while without any, so that memory comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runner import hardware
from runner.export.student_export import CannotExport, tuned_cycle
from runner.playground import ask
from runner.playground.teacher_answer import ask_paid_teacher
from runner.protocols import StreamingStudent, Teacher
from runner.student.errors import StudentError
from store import queries
from store.commands import playground
from store.commands.playground import UNTRAINED, ArmAnswer, Claimed
from store.control_arms import TEACHER
from store.database import Store
from store.paths import Paths
from store.run_config import RunConfig

IDLE_SECONDS = 60.0
POLL_SECONDS = 0.2
WRITE_SECONDS = 0.3
"""Pieces are written together, so that a word does not cost a transaction."""


def serve_questions(store: Store, paths: Paths, owner: str, idle_seconds: float = IDLE_SECONDS,
                    open_student: Callable[[RunConfig, Path], StreamingStudent] | None = None,
                    open_teacher: Callable[[RunConfig, Claimed], Teacher] | None = None) -> int:
    """Answer until nothing was asked for `idle_seconds`; returns how many questions there were."""
    kept = StudentCache(open_student or ask.open_student)
    answered, until = 0, time.monotonic() + idle_seconds
    while time.monotonic() < until:
        claimed = playground.claim_next(store, owner)
        if claimed is None:
            time.sleep(POLL_SECONDS)
            continue
        _answer(store, paths, claimed, kept, open_teacher)
        answered, until = answered + 1, time.monotonic() + idle_seconds
    return answered


class StudentCache:
    """Opens a student, and gives the same one again while it is asked for by the same configuration."""

    def __init__(self, open_student: Callable[[RunConfig, Path], StreamingStudent]) -> None:
        self._open = open_student
        self._cached: tuple[RunConfig, StreamingStudent] | None = None

    def __call__(self, config: RunConfig, models: Path) -> StreamingStudent:
        if self._cached is None or self._cached[0] != config:
            self._cached = None  # first let the other go: two may not fit
            self._cached = (config, self._open(config, models))
        return self._cached[1]


def _answer(store: Store, paths: Paths, claimed: Claimed, open_student: StudentCache,
            open_teacher: Callable[[RunConfig, Claimed], Teacher] | None) -> None:
    """One question to its end; what cannot be had is the question's failure, in words."""
    try:
        config, adapter = _resolve_target(store, paths, claimed)
        arms = ask.answering_arms(config, adapter is not None, claimed.with_teacher)
        pieces = ask.answer_with_students(config, adapter, claimed.question, paths, open_student)
        said = _stream_to_store(store, claimed, arms, pieces)
        if said and not arms[TEACHER]:
            said[-1] = ask_paid_teacher(store, claimed, config, open_teacher)
        if said:
            playground.finish(store, claimed, said)
    except (CannotExport, StudentError, hardware.InsufficientMemory, hardware.NoSmallerPlan) as error:
        playground.fail(store, claimed, str(error))


def _resolve_target(store: Store, paths: Paths, claimed: Claimed) -> tuple[RunConfig, Path | None]:
    if claimed.cycle != UNTRAINED:
        run, _, adapter = tuned_cycle(store, paths, claimed.run, claimed.cycle)
        return run.config, adapter
    found = queries.find_run(store, claimed.run)
    if found is None:
        raise CannotExport(f"no run {claimed.run!r}: it was deleted since")
    return found.config, None


def _stream_to_store(store: Store, claimed: Claimed, arms: dict[str, str],
                     pieces: Iterator[tuple[str, str]]) -> list[ArmAnswer]:
    """The students' words as they come, a few times a second; what all said, the teacher last and yet to be asked.

    Stops where the question is in other hands by now, and then nobody has said anything.
    """
    said, speaking, written = dict.fromkeys(arms, ""), "", 0.0
    for arm, piece in pieces:
        said[arm] += piece
        if arm != speaking or time.monotonic() - written >= WRITE_SECONDS:
            speaking, written = arm, time.monotonic()
            if not playground.write(store, claimed, _snapshot(arms, said, speaking)):
                return []
    whole = _snapshot(arms, said, None)
    if not arms[TEACHER] and not playground.write(store, claimed, [*whole[:-1], ArmAnswer(TEACHER)]):
        return []
    return whole


def _snapshot(arms: dict[str, str], said: dict[str, str], speaking: str | None) -> list[ArmAnswer]:
    """Arms speak in their order: those before the one that speaks have finished, and at the end all have."""
    order = list(arms)
    done = order if speaking is None else order[:order.index(speaking)]
    return [ArmAnswer(arm, said[arm], arm in done, silent) for arm, silent in arms.items()]
