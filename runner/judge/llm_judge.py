"""Score answers with a judge model, with bounds on concurrency and time, and a status for each score.

Independent of ragas and of the endpoint. One event loop serves the whole run. Nothing is raised for an answer
that cannot be judged: its score is missing, with the reason, and the run continues.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from runner.judge.protocols import JudgedAnswer, Score
from runner.llm.errors import (
    CallPostponed, ContentRefused, EndpointError, EndpointUnavailable, RateLimited, RequestRefused, TeacherError,
    UnreadableReply,
)
from runner.llm.postponed_calls import Postponed
from runner.llm.repeated_failures import MAX_FAILURES
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
                 begin: Callable[[str, str], None], usage: Callable[[], Usage], limits: Limits | None = None,
                 stops: bool = True) -> None:
        """A judge whose scores come from functions.

        Args:
            begin: called with metric and repetition in a score's own task before it is computed.
            stops: whether asking ends after repeated unreadable replies; in a batch they are all paid by then.
        """
        self.name = name
        self.metrics = metrics
        self.usage = usage
        self._metrics = score
        self._set_context = begin
        self._limits = limits or Limits()
        self._stops = stops
        self._scored: set[str] = set()
        """Metrics of which a score was obtained."""
        self._unreadable: Counter[str] = Counter()
        """Metric -> scores that are missing because no reply could be read."""
        self._unusable_reason: str | None = None
        """Why no further call can succeed: no key, no such model ..."""
        self._unusable_metrics: dict[str, str] = {}
        """Metric -> why no further score of it is tried."""

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        with contextlib.closing(asyncio.new_event_loop()) as loop:  # unlike Runner.close, waits for no abandoned call
            return asyncio.Runner(loop_factory=lambda: loop).run(self._all(metric, items, on_done, again))

    async def _all(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
                   again: str) -> list[Score]:
        slots, first = asyncio.Semaphore(self._limits.at_once), asyncio.Lock()
        done = 0

        async def one(item: JudgedAnswer) -> Score:
            nonlocal done
            async with slots, contextlib.AsyncExitStack() as alone:
                if self._stops and metric not in self._scored:  # one by one, until a reply could be read
                    await alone.enter_async_context(first)
                    if metric in self._scored:
                        await alone.aclose()
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
        if reason := self._unusable_reason or self._unusable_metrics.get(metric):
            return Score(None, reason)
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
            self._note_failure(metric, error)
            return Score(None, f"no score from the judge: {error}")
        self._scored.add(metric)
        return Score(None, NOTHING_TO_SCORE) if math.isnan(value) else Score(value)

    def _note_failure(self, metric: str, error: TeacherError) -> None:
        """Stop asking where the endpoint refuses the request as such, and has never given a score; for a metric of
        which no reply could ever be read, after some of them."""
        refused = isinstance(error, RequestRefused) and not isinstance(error, ContentRefused)
        if refused and not self._scored:
            self._unusable_reason = f"the judge cannot be used (no further answer is sent to it): {error}"
        if not isinstance(error, UnreadableReply) or metric in self._scored or not self._stops:
            return
        self._unreadable[metric] += 1
        if self._unreadable[metric] >= MAX_FAILURES:
            self._unusable_metrics[metric] = (
                f"the judge cannot be used for {metric.replace('_', ' ')} (none of its replies on {MAX_FAILURES} "
                f"answers could be read, and no further answer is sent to it): {error}")


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
