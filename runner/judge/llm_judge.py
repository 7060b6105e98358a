"""Score answers with a judge model, with bounds on concurrency and time, and a status for each score.

Independent of ragas and of the endpoint. One event loop serves the whole run. Nothing is raised for an answer
that cannot be judged: its score is missing, with the reason, and the run continues.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from runner.judge.protocols import JudgedAnswer, Score
from runner.llm.errors import (
    CallPostponed, ContentRefused, EndpointError, EndpointUnavailable, RateLimited, RequestRefused, TeacherError,
)
from runner.llm.postponed import Postponed
from runner.protocols import Usage

NOTHING_TO_SCORE = "the judge found no statement in the answer"


@dataclass(frozen=True)
class Limits:
    """Bounds on concurrency and time, whatever ragas or the endpoint allow."""

    at_once: int = 4
    """Answers judged at the same time."""
    answer_seconds: float = 600.0
    """The longest that all calls for one score may take, waits included."""


class RagasLLMJudge:
    """Implements `runner.judge.protocols.LLMJudge` over score functions, one a metric."""

    def __init__(self, name: str, metrics: tuple[str, ...],
                 score: Mapping[str, Callable[[JudgedAnswer], Awaitable[float]]],
                 begin: Callable[[str, str], None], usage: Callable[[], Usage], limits: Limits | None = None) -> None:
        """`begin(metric, again)` is called in a score's own task before it is computed."""
        self.name = name
        self.metrics = metrics
        self.usage = usage
        self._metrics = score
        self._set_context = begin
        self._limits = limits or Limits()
        self._scored = False
        """Whether any score was obtained."""
        self._unusable_reason: str | None = None
        """Why no further call can succeed: no key, no such model ..."""

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        with contextlib.closing(asyncio.new_event_loop()) as loop:  # unlike Runner.close, waits for no abandoned call
            return asyncio.Runner(loop_factory=lambda: loop).run(self._all(metric, items, on_done, again))

    async def _all(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
                   again: str) -> list[Score]:
        slots = asyncio.Semaphore(self._limits.at_once)
        done = 0

        async def one(item: JudgedAnswer) -> Score:
            nonlocal done
            async with slots:
                score = await self._score_one(metric, item, again)
            done += 1
            on_done(done)
            return score

        tasks = [asyncio.create_task(one(item)) for item in items]
        postponed, scores = Postponed(), []
        try:
            for task in tasks:
                with postponed.caught():
                    scores.append(await task)
            postponed.raise_any()
            return scores
        finally:
            for task in tasks:
                task.cancel()

    async def _score_one(self, metric: str, item: JudgedAnswer, again: str) -> Score:
        if self._unusable_reason:
            return Score(None, self._unusable_reason)
        self._set_context(metric, again)
        seconds = self._limits.answer_seconds
        try:
            async with asyncio.timeout(seconds):
                value = await self._metrics[metric](item)
        except TimeoutError:
            return Score(None, f"the judge gave no score within {seconds:g} s")
        except CallPostponed:
            raise
        except (RateLimited, EndpointUnavailable) as error:
            return Score(None, f"the judge could not be reached: {error}")
        except EndpointError as error:
            self._unusable_reason = f"the judge cannot be used: {error}"
            return Score(None, self._unusable_reason)
        except TeacherError as error:
            self._note_failure(error)
            return Score(None, f"no score from the judge: {error}")
        self._scored = True
        return Score(None, NOTHING_TO_SCORE) if math.isnan(value) else Score(value)

    def _note_failure(self, error: TeacherError) -> None:
        """Stop asking where the endpoint refuses the request as such, and has never given a score."""
        refused = isinstance(error, RequestRefused) and not isinstance(error, ContentRefused)
        if refused and not self._scored:
            self._unusable_reason = f"the judge cannot be used (no further answer is sent to it): {error}"


class UnusableJudge:
    """Fallback for a judge model that could not be opened: every score is missing, for that reason."""

    def __init__(self, name: str, metrics: tuple[str, ...], reason: str) -> None:
        self.name = name
        self.metrics = metrics
        self._reason = f"the judge cannot be used: {reason}"

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        return [Score(None, self._reason) for _ in items]

    def usage(self) -> Usage:
        return Usage(0, 0, 0, 0, None)
