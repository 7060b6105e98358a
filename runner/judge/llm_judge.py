"""A judge model at work: how many answers at once, how long for one, and a status for every one.

Knows neither ragas nor the endpoint. One event loop serves it for the whole run. Nothing is raised for an answer
that cannot be judged: its mark is missing, with the reason, and the run goes on.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from runner.judge.protocols import JudgedAnswer, Score
from runner.llm.errors import EndpointError, EndpointUnavailable, RateLimited, TeacherError
from runner.protocols import Usage

NOTHING_TO_SCORE = "the judge found no statement in the answer"


@dataclass(frozen=True)
class Limits:
    """Bounds of our own, whatever ragas or the endpoint would allow."""

    at_once: int = 4
    """Answers that are being judged at the same time."""
    answer_seconds: float = 600.0
    """The longest that all calls for one mark may take, their waits included."""


class RagasLLMJudge:
    """Implements `roles.ModelJudge` over score functions, one a metric."""

    def __init__(self, name: str, metrics: tuple[str, ...],
                 score: Mapping[str, Callable[[JudgedAnswer], Awaitable[float]]],
                 begin: Callable[[str, str], None], usage: Callable[[], Usage], limits: Limits | None = None) -> None:
        """`begin(metric, again)` is called in a mark's own task before its score is asked for."""
        self.name = name
        self.metrics = metrics
        self.usage = usage
        self._score = score
        self._begin = begin
        self._limits = limits or Limits()
        self._loop = asyncio.Runner()
        self._useless: str | None = None
        """Why no call can succeed any more: no key, no such model ..."""

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        return self._loop.run(self._all(metric, items, on_done, again))

    async def _all(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
                   again: str) -> list[Score]:
        places = asyncio.Semaphore(self._limits.at_once)
        done = 0

        async def one(item: JudgedAnswer) -> Score:
            nonlocal done
            async with places:
                mark = await self._mark(metric, item, again)
            done += 1
            on_done(done)
            return mark

        tasks = [asyncio.create_task(one(item)) for item in items]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _mark(self, metric: str, item: JudgedAnswer, again: str) -> Score:
        if self._useless:
            return Score(None, self._useless)
        self._begin(metric, again)
        seconds = self._limits.answer_seconds
        try:
            async with asyncio.timeout(seconds):
                value = await self._score[metric](item)
        except TimeoutError:
            return Score(None, f"the judge gave no score within {seconds:g} s")
        except (RateLimited, EndpointUnavailable) as error:
            return Score(None, f"the judge could not be reached: {error}")
        except EndpointError as error:
            self._useless = f"the judge cannot be used: {error}"
            return Score(None, self._useless)
        except TeacherError as error:
            return Score(None, f"no score from the judge: {error}")
        return Score(None, NOTHING_TO_SCORE) if math.isnan(value) else Score(value)


class UnusableJudge:
    """Stands where a judge model could not even be opened: every mark is missing, for the one reason."""

    def __init__(self, name: str, metrics: tuple[str, ...], reason: str) -> None:
        self.name = name
        self.metrics = metrics
        self._reason = f"the judge cannot be used: {reason}"

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        return [Score(None, self._reason) for _ in items]

    def usage(self) -> Usage:
        return Usage(0, 0, 0, 0, None)
