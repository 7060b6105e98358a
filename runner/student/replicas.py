"""Answer and score with a student on every GPU of a run: replicas in processes of their own, dealt whole batches.

The batches are fixed by the list of questions alone, because what shares a batch decides the last bits of an answer:
any number of replicas, in any order, gives the same answers. A replica returns values and writes nothing; the batch of
one that died is dealt again.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.hardware import Plan
from runner.hardware.parent_death import kill_with_parent
from runner.protocols import (
    Answer, GenerationConfig, Likelihood, TrainingConfig, TrainingExample, TrainingResult, TrainingStep,
)
from runner.student.errors import StudentError

if TYPE_CHECKING:
    from knowledge.questions import Question
    from runner.student.local_student import LocalStudent

PAIRS_A_BATCH = 64
"""Answers scored by one replica at a time."""
Work = tuple[str, tuple[Any, ...]]
"""A method of `_METHODS` and its arguments."""


@dataclass(frozen=True)
class ReplicaOf:
    """What a process needs to load the same student by the same plan."""

    name: str
    source: str
    plan: Plan
    weights: str
    own_template: bool


class DealtStudent:
    """Implements `protocols.StreamingStudent`: a local student, and a replica on each further device."""

    def __init__(self, local: LocalStudent, devices: Sequence[str]) -> None:
        """Deal the work of a student.

        Args:
            local: the student on the first device; it also trains, and answers single questions.
            devices: the further ones, as CUDA_VISIBLE_DEVICES names them; the first work starts a replica on each.
        """
        self.local, self.info = local, local.info
        self._devices, self._replicas = tuple(devices), list[_Replica]()

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        batches = _batches(questions, self.local.plan.answer_batch)
        for _, answers in self._deal([("answer", (batch, decoding, seed, adapter)) for batch in batches]):
            yield answers

    def stream(self, question: str, decoding: GenerationConfig, seed: int, adapter: Path | None) -> Iterator[str]:
        return self.local.stream(question, decoding, seed, adapter)

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        found: dict[int, list[Likelihood]] = {}
        for index, scores in self._deal([("likelihoods", (batch, adapter)) for batch in
                                         _batches(pairs, PAIRS_A_BATCH)]):
            found[index] = scores
            on_scored(sum(map(len, found.values())))
        return [score for _, scores in sorted(found.items()) for score in scores]

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        return self.local.fits_context(question, answer_tokens)

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None], until: int | None = None) -> TrainingResult:
        self.close()  # the devices are needed for training
        return self.local.fine_tune(examples, recipe, start, to, on_step, until)

    def close(self) -> None:
        """End the replicas; the next work starts them again."""
        for replica in self._replicas:
            replica.end()
        self._replicas = []

    def _deal(self, work: Sequence[Work]) -> Iterator[tuple[int, list[Any]]]:
        """Yield (index, result) of each piece of work as it is done, here or by a replica."""
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(work)):
            waiting.put(index)
        done: queue.SimpleQueue[tuple[int, list[Any]] | BaseException] = queue.SimpleQueue()
        stop = threading.Event()
        threads = [threading.Thread(target=replica.work_on, args=(work, waiting, done, stop), daemon=True)
                   for replica in self._running(len(work) - 1)]
        for thread in threads:
            thread.start()
        left = len(work)
        try:
            while left:
                for result in self._finished(work, waiting, done):
                    if isinstance(result, BaseException):
                        raise result
                    left -= 1
                    yield result
        finally:
            stop.set()
            if left:
                self.close()  # they may be in the middle of a piece
            for thread in threads:
                thread.join()
            self._replicas = [replica for replica in self._replicas if replica.alive]

    def _finished(self, work: Sequence[Work], waiting: queue.SimpleQueue[int],
                  done: queue.SimpleQueue[tuple[int, list[Any]] | BaseException]
                  ) -> Iterator[tuple[int, list[Any]] | BaseException]:
        """One piece done here, if any waits, and what replicas finished meanwhile.

        Never waits long for a replica: the piece of one that died is put back.
        """
        with suppress(queue.Empty):
            index = waiting.get_nowait()
            yield index, _METHODS[work[index][0]](self.local, *work[index][1])
        with suppress(queue.Empty):
            yield done.get(timeout=0.05)
            while True:
                yield done.get_nowait()

    def _running(self, most: int) -> list[_Replica]:
        """At most so many replicas, started where necessary."""
        described = ReplicaOf(self.local.info.name, self.local.source, self.local.plan, self.local.info.weights,
                              self.local.own_template)
        for device in self._devices[len(self._replicas):max(0, most)]:
            self._replicas.append(_Replica(described, device))
        return self._replicas[:max(0, most)]


class _Replica:
    """A process with the student on one device."""

    def __init__(self, described: ReplicaOf, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(os.getpid(), described, device, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.alive = True

    def work_on(self, work: Sequence[Work], waiting: queue.SimpleQueue[int],
                done: queue.SimpleQueue[tuple[int, list[Any]] | BaseException], stop: threading.Event) -> None:
        """Have pieces of work done until none waits; put back the piece that the process died over."""
        while not stop.is_set():
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._pipe.send(work[index])
                result = self._pipe.recv()
            except (EOFError, OSError):
                self.alive = False
                waiting.put(index)
                return
            done.put(result if isinstance(result, BaseException) else (index, result))

    def end(self) -> None:
        """End the process; a thread that waits for its piece finds that it is gone."""
        self.alive = False
        self.process.kill()
        self.process.join()


def _serve(parent: int, described: ReplicaOf, device: str, pipe: Connection) -> None:
    """The process of a replica: one piece of work at a time, until the pipe is closed."""
    kill_with_parent(parent)
    os.environ["CUDA_VISIBLE_DEVICES"] = device
    from runner.hardware import configure_native_libraries

    configure_native_libraries()
    import torch

    from runner.student.local_student import LocalStudent
    from runner.student.models.loader import load_model

    torch.set_num_threads(described.plan.threads)
    student: LocalStudent | None = None
    with suppress(EOFError, OSError):
        while True:
            method, arguments = pipe.recv()
            try:
                student = student or LocalStudent(
                    load_model(described.source, described.plan.precision, described.plan.device), described.name,
                    described.plan, described.weights, described.own_template, described.source)
                result: Any = _METHODS[method](student, *arguments)
            except (StudentError, RuntimeError, OSError, ValueError, TypeError, KeyError) as error:
                error.__cause__ = error.__context__ = None  # of a library, which need not be picklable
                result = error
            pipe.send(result)


def _answer(student: LocalStudent, *arguments: Any) -> list[Answer]:
    return [answer for group in student.answer(*arguments) for answer in group]


def _likelihoods(student: LocalStudent, *arguments: Any) -> list[Likelihood]:
    return student.likelihoods(*arguments)


_METHODS: dict[str, Callable[..., list[Any]]] = {"answer": _answer, "likelihoods": _likelihoods}


def _batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[first:first + size] for first in range(0, len(items), size)]
