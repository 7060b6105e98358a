"""Domain, teacher, student and judge of a run, each opened on first use and kept for the whole run.

Stages that run at the same time share them; `schedule.py` decides which may use the student. Tests replace teacher,
student and judge by fakes here, and nowhere else.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from knowledge.documents import ReadingProgress
from knowledge.domain import Domain
from knowledge.split_stability import Comparison
from runner.hardware import NoSmallerPlan
from runner.judge.protocols import LLMJudge
from runner.pipeline.batch_sender import RunBatches
from runner.pipeline.retrieval import open_retriever
from runner.pipeline.run_knowledge import reading_reporter
from runner.protocols import Judge, Retriever, Student, Teacher

T = TypeVar("T")
Progress = Callable[[int, int, str, str], None]
"""Reports how many of how many were done, of what, and a detail."""
KeepApart = Callable[[Domain], tuple[Domain, Comparison | None, str]]
"""The domain as it is used, what changed since an earlier run, and that run."""


@dataclass
class RunResources:
    """Opens each resource once; the student stays loaded for baseline answers, training and fine-tuned answers."""

    open_domain: Callable[[], Domain]
    open_teacher: Callable[[], Teacher]
    open_student: Callable[[int], Student]
    """Takes the index of the memory plan: 0 is the preferred one, each further one needs less memory."""
    open_judge: Callable[[], Judge]
    open_retriever: Callable[[], Retriever] = open_retriever
    """Called by the retrieval stage and not cached, because it is needed once."""
    open_llm_judge: Callable[[], LLMJudge | None] = lambda: None
    """Returns None if the configuration names no judge model."""
    batches: RunBatches | None = None
    """Sends the calls that a stage postponed; None in a run that makes each call at once."""
    keep_apart: KeepApart = field(default=lambda domain: (domain, None, ""))
    """Compares documents that are read for the first time with those of earlier runs."""
    compared: tuple[Comparison, str] | None = None
    """What that found, and the run; None if there was none, or the documents were read in an earlier attempt."""
    report_reading: Callable[[ReadingProgress], None] = field(default=lambda progress: None)
    """Called while documents are read."""
    plan_index: int = 0
    """Index of the memory plan to open the student with; updated if opening chose a later one."""
    _student: Student | None = field(default=None, repr=False)
    _opened: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _locks: defaultdict[str, threading.RLock] = field(default_factory=lambda: defaultdict(threading.RLock), init=False,
                                                      repr=False)

    def domain_for(self, progress: Progress) -> Domain:
        """The documents of the run; reading them is reported as the progress of the stage that needs them first."""
        def read() -> Domain:
            self.report_reading = reading_reporter(progress)
            return self.open_domain()

        return self._once("domain", read)

    def apart(self, domain: Domain) -> Domain:
        """The domain without use of passages that earlier runs had on the other side; what changed is kept."""
        found, comparison, run = self.keep_apart(domain)
        self.compared = (comparison, run) if comparison else None
        return found

    @property
    def teacher(self) -> Teacher:
        return self._once("teacher", self.open_teacher)

    @property
    def judge(self) -> Judge:
        return self._once("judge", self.open_judge)

    @property
    def llm_judge(self) -> LLMJudge | None:
        return self._once("LLM judge", self.open_llm_judge)

    def _once(self, name: str, opened: Callable[[], T]) -> T:
        with self._locks[name]:
            if name not in self._opened:
                self._opened[name] = opened()
            found: T = self._opened[name]
            return found

    @property
    def student(self) -> Student:
        if self._student is None:
            try:
                self._student = self.open_student(self.plan_index)
            except NoSmallerPlan:
                self.plan_index -= 1  # no such plan: lighter stages later may still fit with the last one
                raise
        return self._student

    def use_smaller_plan(self) -> int:
        """Unload the student and switch to the next smaller memory plan; return its index."""
        self._student = None
        self.plan_index += 1
        return self.plan_index
