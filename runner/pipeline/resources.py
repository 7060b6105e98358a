"""Domain, teacher, student and judge of a run, each opened on first use and kept for the whole run.

Tests replace teacher, student and judge by fakes here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from knowledge.documents import ReadingProgress
from knowledge.domain import Domain
from knowledge.split_stability import Comparison
from runner.hardware import NoSmallerPlan
from runner.judge.protocols import LLMJudge
from runner.pipeline.batch_sender import RunBatches
from runner.pipeline.retrieval import open_retriever
from runner.protocols import Judge, Retriever, Student, Teacher

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

    @cached_property
    def domain(self) -> Domain:
        return self.open_domain()

    def apart(self, domain: Domain) -> Domain:
        """The domain without use of passages that earlier runs had on the other side; what changed is kept."""
        found, comparison, run = self.keep_apart(domain)
        self.compared = (comparison, run) if comparison else None
        return found

    @cached_property
    def teacher(self) -> Teacher:
        return self.open_teacher()

    @cached_property
    def judge(self) -> Judge:
        return self.open_judge()

    @cached_property
    def llm_judge(self) -> LLMJudge | None:
        return self.open_llm_judge()

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
