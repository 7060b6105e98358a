"""Equivalence (two one-sided tests): whether a change is within a margin that was named before the run."""

from __future__ import annotations

import math

import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS
from store.statistics.paired_change import PairedChange


def within_margin(change: PairedChange, margin: float) -> bool:
    """Whether the confidence interval lies within the margin: evidence that nothing relevant changed."""
    return change.low is not None and change.high is not None and -margin <= change.low and change.high <= margin


def min_pairs_within(margin: float) -> int:
    """Return the fewest pairs from which "no relevant change" can be concluded.

    A mean change as large as the margin may come from the share `margin` of all questions changing by a whole unit.
    This many pairs hold at least one such question with a probability of 97.5%; with fewer, its absence says nothing,
    however narrow the interval around the others is.
    """
    if margin >= 1:
        return MIN_PAIRS
    return max(MIN_PAIRS, math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(1 - margin)))


def equivalence_p(change: PairedChange, margin: float) -> float | None:
    """Return the p value of the interval lying within the margin (two one-sided t tests, doubled); None without one.

    It is below 0.05 where the uncorrected t interval lies within the margin; skewness is left out.
    """
    if change.change is None or not change.spread or change.freedom is None:
        return None
    error = change.spread / math.sqrt(change.scored)
    return min(1.0, 2 * float(sp.special.stdtr(change.freedom, -(margin - abs(change.change)) / error)))
