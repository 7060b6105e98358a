"""Prediction-powered inference: people's ratings of some questions correct a judge's scores of all of them.

PPI++ with power tuning for a mean (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453): the estimate is the mean of
the ratings plus w times the difference between the judge's mean on the questions without ratings and on those with.
A judge that is biased everywhere alike cancels out; one that predicts people well narrows the interval; one that does
not gets the weight 0, which leaves the ratings alone. Valid where the rated questions are a random sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE

MIN_RATED = 20
"""Rated questions below which nothing is corrected."""


@dataclass(frozen=True)
class PredictionPowered:
    """The mean over all questions in the unit of people's ratings, with 95% intervals."""

    mean: float
    low: float
    high: float
    people: float
    """The mean of the ratings alone."""
    people_low: float
    people_high: float
    judge: float
    """The judge's own mean over all questions."""
    weight: float
    """How much the judge counts, 0 to 1."""
    rated: int
    questions: int


def prediction_powered_mean(rated: Sequence[tuple[float, float]],
                            unrated: Sequence[float]) -> PredictionPowered | None:
    """Estimate the mean rating over all questions; None below 20 rated ones.

    Args:
        rated: (people's rating, judge's score in the same unit) of each question that people rated.
        unrated: the judge's score of each other question.
    """
    if len(rated) < MIN_RATED:
        return None
    people, judged = (np.array(column, dtype=float) for column in zip(*rated, strict=True))
    others = np.array(unrated, dtype=float)
    count, every = len(people), np.concatenate([judged, others])
    reach = float(sp.special.stdtrit(count - 1, 0.5 + CONFIDENCE / 2))
    spread = reach * float(people.std(ddof=1)) / math.sqrt(count)
    alone = float(people.mean())
    weight = _weight(people, judged, others)
    mean, error = alone, spread / reach
    if weight:
        mean = alone + weight * (float(others.mean()) - float(judged.mean()))
        # Two parameters of the residuals are estimated: their mean and the weight.
        residual = float((people - weight * judged).var(ddof=2))
        error = math.sqrt(residual / count + weight**2 * float(every.var(ddof=1)) / len(others))
        reach = float(sp.special.stdtrit(count - 2, 0.5 + CONFIDENCE / 2))
    return PredictionPowered(mean, mean - reach * error, mean + reach * error, alone, alone - spread, alone + spread,
                             float(every.mean()), weight, count, len(every))


def _weight(people: np.ndarray, judged: np.ndarray, others: np.ndarray) -> float:
    """Return the weight of the judge that gives the narrowest interval, within 0 and 1."""
    if len(others) < 2:
        return 0.0
    variance = float(np.concatenate([judged, others]).var(ddof=1))
    if not variance:
        return 0.0
    covariance = float(np.cov(people, judged, ddof=1)[0, 1])
    return min(1.0, max(0.0, covariance / (variance * (1 + len(people) / len(others)))))
