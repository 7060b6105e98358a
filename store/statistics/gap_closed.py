"""Share of the gap between untrained student and teacher that tuning closed, with Fieller's interval.

The interval of the ratio is Fieller's (1954), with the cluster-robust errors and degrees of freedom used throughout.
It is bounded only if the gap is clearly above zero; otherwise, and if the gap's own interval (corrected for skewness
and ties) includes zero, no ratio is given.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy as sp

from store.statistics.clustered_interval import (
    CONFIDENCE, MIN_PAIRS, cluster_codes, clustered_interval, is_mostly_tied, pseudo_observation, satterthwaite_df,
)


@dataclass(frozen=True)
class GapClosed:
    """(tuned - baseline) / (teacher - baseline) over the questions with all three scores."""

    baseline: float | None
    tuned: float | None
    teacher: float | None
    closed: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    missing: str | None
    """Why there is no ratio; None if there is one."""


def gap_closed(baseline: Sequence[float | None], tuned: Sequence[float | None], teacher: Sequence[float | None],
               clusters: Sequence[Hashable], better: int = 1) -> GapClosed:
    """Return the closed share of the gap with its 95% interval; no ratio unless the teacher is above the baseline.

    Args:
        baseline, tuned, teacher: scores of the same questions in the same order, None where missing.
        clusters: each question's cluster, such as its passage.
        better: +1 if a higher score is better, -1 if a lower one is.
    """
    kept = [(b, t, c, k) for b, t, c, k in zip(baseline, tuned, teacher, clusters, strict=True)
            if b is not None and t is not None and c is not None]
    if len(kept) < MIN_PAIRS:
        return GapClosed(None, None, None, None, None, None, len(kept), len(baseline),
                         f"fewer than {MIN_PAIRS} questions have all three scores" if any(
                             score is not None for score in teacher) else "the teacher has no score by this metric")
    scores = np.array([row[:3] for row in kept], dtype=float)
    before, after, ceiling = (float(mean) for mean in scores.mean(0))
    gains = (scores[:, 1:] - scores[:, :1]) * better  # N x 2: tuned and teacher above the untrained student
    closed, low, high = _fieller(gains, [row[3] for row in kept]) or (None, None, None)
    missing = "the teacher is not clearly above the untrained student" if closed is None else None
    return GapClosed(before, after, ceiling, closed, low, high, len(kept), len(baseline), missing)


def _fieller(gains: np.ndarray, clusters: Sequence[Hashable]) -> tuple[float, float, float] | None:
    """Return the ratio of the two mean gains and Fieller's interval; None if the second is not clearly above zero."""
    lowest_gap, _ = clustered_interval(gains[:, 1], clusters)
    if lowest_gap is None or lowest_gap <= 0:
        return None
    numbers, means = cluster_codes(clusters), gains.mean(0)
    if is_mostly_tied(gains[:, 0]):  # as in mean_of: with mostly ties the variance is underestimated
        extra, next_one = pseudo_observation(gains[:, 0]), int(numbers.max()) + 1
        gains = np.vstack([gains, [extra, means[1]], [-extra, means[1]]])
        numbers = np.append(numbers, [next_one, next_one + 1])
    (top, bottom), spread, freedom = _means(gains, numbers)
    reach = float(sp.special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) ** 2
    square = bottom**2 - reach * spread[1, 1]  # above zero exactly where the t interval of `bottom` is
    if square <= 0:
        return None
    middle = top * bottom - reach * spread[0, 1]
    width = math.sqrt(max(0.0, middle**2 - square * (top**2 - reach * spread[0, 0])))
    return float(means[0] / means[1]), float((middle - width) / square), float((middle + width) / square)


def _means(values: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return both means of `values` (N x 2), their CR2 covariance (2 x 2) and degrees of freedom; see `cr2_mean`."""
    count, sizes, means = len(values), np.bincount(numbers), values.mean(0)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, numbers, values - means)
    sums /= np.sqrt(1 - sizes / count)[:, None]
    return means, sums.T @ sums / count**2, satterthwaite_df(sizes)
