"""Input and output values of a judge model, and its Protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.protocols import Usage


@dataclass(frozen=True)
class JudgedAnswer:
    """An answer as a judge model sees it."""

    question: str
    answer: str
    reference: str
    passage: str
    """The question's passage: the context for faithfulness."""


@dataclass(frozen=True)
class Score:
    """A judge model's score of one answer; None is missing, with the reason."""

    value: float | None
    missing: str | None = None


class LLMJudge(Protocol):
    """A language model that judges answers; every call costs."""

    name: str
    metrics: tuple[str, ...]
    """The metrics to score by."""

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        """A score for each item, in order; one that cannot be computed is missing with its reason.

        Raises:
            CallPostponed: scores need calls that were collected for a batch.

        `again` names a repetition that must not be answered from the cached replies of the first time.
        """
        ...

    def usage(self) -> Usage:
        """Calls, tokens and cost of judging so far."""
        ...
