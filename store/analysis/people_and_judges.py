"""Compare people's blind ratings with each metric, and correct the metric's verdict by them. Pure functions."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.metrics import METRICS
from store.queries import AnswerPair, Rating
from store.statistics import (
    MIN_RATED, Agreement, Kappa, PredictionPowered, agreement, cohens_kappa, prediction_powered_mean,
)

DIRECTIONS: Mapping[str, int] = {"better": 1, "same": 0, "worse": -1}
"""A rating of the tuned answer against the untrained one, as recorded -> its direction."""


@dataclass(frozen=True)
class JudgedByPeople:
    """One metric against people's blind ratings of the same questions of one cycle."""

    metric: str
    agreement: Agreement
    kappa: Kappa
    corrected: PredictionPowered | None
    """Net preference (share better minus share worse) over all questions of the cycle with two answers; None below
    20 rated ones."""

    @property
    def sentence(self) -> str:
        """Say what people prefer over all questions, corrected; empty below 20 rated questions."""
        found = self.corrected
        if found is None:
            return ""
        return (f"Net preference for the tuned answers, by {found.rated} rated of {found.questions} questions and "
                f"corrected {METRICS[self.metric].title if self.metric in METRICS else self.metric}: {found.mean:+.2f} "
                f"(95% interval {found.low:+.2f} to {found.high:+.2f}); by people alone {found.people:+.2f} "
                f"({found.people_low:+.2f} to {found.people_high:+.2f}); by the metric alone {found.judge:+.2f}.")


def judged_by_people(pairs: Sequence[AnswerPair], ratings: Sequence[Rating],
                     metrics: Sequence[str]) -> list[JudgedByPeople]:
    """Compare each metric with the blind ratings of one cycle; empty without ratings.

    Args:
        pairs: the questions of the cycle.
        ratings: those of the cycle; several of one question count as their mean.
        metrics: in the order of the result.
    """
    blind = [(rating.question, rating.rating) for rating in ratings if rating.blind]
    found = []
    for metric in metrics:
        directions = {pair.question: direction_of_change(metric, change) for pair in pairs
                      if pair.baseline is not None and pair.tuned is not None
                      and (change := pair.change(metric)) is not None}
        if any(question in directions for question, _ in blind):
            found.append(compare_with_people(metric, directions, blind))
    return found


def compare_with_people(metric: str, directions: Mapping[str, int],
                        ratings: Sequence[tuple[str, str]]) -> JudgedByPeople:
    """Compare a metric's direction on each question with (question, rating) of people."""
    both = [(DIRECTIONS[rating], directions[question]) for question, rating in ratings if question in directions]
    by_question: dict[str, list[int]] = {}
    for question, rating in ratings:
        if question in directions:
            by_question.setdefault(question, []).append(DIRECTIONS[rating])
    corrected = prediction_powered_mean(
        [(statistics.fmean(given), directions[question]) for question, given in by_question.items()],
        [direction for question, direction in directions.items() if question not in by_question])
    return JudgedByPeople(metric, agreement(both), cohens_kappa(both), corrected)


def direction_of_change(metric: str, change: float) -> int:
    """Return +1 where the tuned answer scores better, -1 where worse, 0 within the metric's tie band."""
    measure = METRICS.get(metric)
    gain = change * (measure.better if measure else 1)
    return 0 if abs(gain) <= (measure.tie_band if measure else 0.0) else 1 if gain > 0 else -1


__all__ = ["DIRECTIONS", "MIN_RATED", "JudgedByPeople", "compare_with_people", "direction_of_change",
           "judged_by_people"]
