"""Answers and likelihoods of a student do not depend on how many replicas share the work, or on the death of one."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.protocols import GenerationConfig
from runner.student import replicas
from runner.student.local_student import LocalStudent
from runner.student.replicas import DealtStudent
from tests.runner.tiny_models import llama_folder, student

SAMPLED = GenerationConfig(12, 0.8, 0.95, 50, 1.1, 600)
QUESTIONS: list[Any] = [SimpleNamespace(id=str(number), text="What does a Service do? " * (1 + number % 4))
                        for number in range(11)]
PAIRS = [(f"What is number {number}?", "A group of containers. " * (1 + number % 3)) for number in range(9)]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "PAIRS_A_BATCH", 2)


@pytest.fixture
def local(tmp_path: Path) -> LocalStudent:
    folder = llama_folder(tmp_path / "student")
    one = student(folder)
    return LocalStudent(one.loaded, folder.name, dataclasses.replace(one.plan, answer_batch=2), source=str(folder))


def dealt(local: LocalStudent, replicas_beside: int) -> Iterator[DealtStudent]:
    one = DealtStudent(local, [str(number) for number in range(replicas_beside)])
    try:
        yield one
    finally:
        one.close()


def found(of: DealtStudent) -> tuple[dict[str, Any], list[float]]:
    answers = {answer.question_id: (answer.text, answer.tokens, answer.cut_off)
               for group in of.answer(QUESTIONS, SAMPLED, 5, None) for answer in group}
    return answers, [one.nll for one in of.likelihoods(PAIRS, None)]


def test_the_answers_are_the_same_with_replicas_and_without_also_when_one_is_killed(local: LocalStudent) -> None:
    alone, = (found(one) for one in dealt(local, 0))
    assert len(alone[0]) == len(QUESTIONS) and len(set(alone[0].values())) > 3
    for one in dealt(local, 2):
        assert found(one) == alone
        assert len(one._replicas) == 2 and all(replica.process.is_alive() for replica in one._replicas)
        os.kill(one._replicas[0].process.pid or 0, signal.SIGKILL)
        assert found(one) == alone
        assert found(one) == alone, "the dead one is replaced"
        assert len(one._replicas) == 2


def test_progress_is_told_and_what_stops_it_comes_through(local: LocalStudent) -> None:
    for one in dealt(local, 0):
        told: list[int] = []
        one.likelihoods(PAIRS, None, told.append)
        assert told == [2, 4, 6, 8, 9]

        def stop(_so_far: int) -> None:
            raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            one.likelihoods(PAIRS, None, stop)


def test_what_fails_in_a_replica_is_raised_here(local: LocalStudent, tmp_path: Path) -> None:
    broken = LocalStudent(local.loaded, "student", local.plan, source=str(tmp_path / "gone"))
    for one in dealt(broken, 1):
        with pytest.raises(Exception, match="gone"):
            for _ in range(100):  # until the replica has had a piece
                found(one)
