"""The real things that stages use, opened when first asked for and kept for the whole run.

This is the one place where fakes can take the place of the teacher, the student and the judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from knowledge.domain import Domain
from runner.hardware import NoSmallerPlan
from runner.judge.protocols import LLMJudge
from runner.pipeline.retrieval import open_retriever
from runner.protocols import Judge, Retriever, Student, Teacher


@dataclass
class RunResources:
    """Opens each thing once; the student stays loaded for baseline, training and tuned answers."""

    open_domain: Callable[[], Domain]
    open_teacher: Callable[[], Teacher]
    open_student: Callable[[int], Student]
    """Takes the rung of the memory ladder: 0 is the plan's own, each further one needs less memory."""
    open_judge: Callable[[], Judge]
    open_retriever: Callable[[], Retriever] = open_retriever
    """Opened where a run searches, and not kept: it is needed once."""
    open_llm_judge: Callable[[], LLMJudge | None] = lambda: None
    """None where the configuration names no judge model."""
    plan_index: int = 0
    """The rung to open the student at; where a plan took a later one, that."""
    _student: Student | None = field(default=None, repr=False)

    @cached_property
    def domain(self) -> Domain:
        return self.open_domain()

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
                self.plan_index -= 1  # there is no such rung: later, lighter stages may still find room on the last one
                raise
        return self._student

    def use_smaller_plan(self) -> int:
        """Let the student go and take the next rung of the memory ladder; returns it."""
        self._student = None
        self.plan_index += 1
        return self.plan_index
