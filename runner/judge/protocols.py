"""What a judge model is given, and what it gives: plain values, and the role as a Protocol."""

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
    """The passage that the question rests on, as the context that an answer may be faithful to."""


@dataclass(frozen=True)
class Score:
    """What a judge model made of one answer; None is missing, with the reason."""

    value: float | None
    missing: str | None = None


class LLMJudge(Protocol):
    """A language model that judges answers; every call costs."""

    name: str
    metrics: tuple[str, ...]
    """What it was asked to judge by."""

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        """A mark for each item, in order; what cannot be had is missing with its reason, and nothing is raised.

        `again` names a repetition that must not be answered from the receipts of the first time.
        """
        ...

    def usage(self) -> Usage:
        """Calls, tokens and cost of judging so far."""
        ...
