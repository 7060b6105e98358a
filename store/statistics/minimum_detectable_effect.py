"""Sample sizes: the minimum detectable change of a test, and how many questions would see a given margin."""

from __future__ import annotations

import math
from collections.abc import Callable

import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS

POWER = 0.8
USUAL_SD = 0.25
"""Assumed standard deviation of the paired differences of a graded score."""


def minimum_detectable_effect(pairs: int, spread: float = USUAL_SD, power: float = POWER) -> float | None:
    """Return the change that is detected with the given power at 95% confidence; None below six pairs.

    Args:
        pairs: independent paired questions.
        spread: standard deviation of the paired differences.
    """
    if pairs < MIN_PAIRS:
        return None
    freedom = pairs - 1
    errors = sp.special.stdtrit(freedom, 0.5 + CONFIDENCE / 2) + sp.special.stdtrit(freedom, power)
    return float(errors) * spread / math.sqrt(pairs)


def pairs_to_decide(margin: float, spread: float) -> int:
    """Return how many questions decide a verdict with 80% power, whether the true change is the margin or none.

    A change as large as the margin is then seen, and where there is none the interval lies within the margin. The
    second needs more questions, since both ends of the interval have to stay within.

    Args:
        margin: the smallest change that matters, above 0.
        spread: standard deviation of the paired differences.
    """
    def reach(pairs: int) -> float:
        freedom = pairs - 1
        ends = float(sp.special.stdtrit(freedom, 0.5 + CONFIDENCE / 2) + sp.special.stdtrit(freedom, 0.5 + POWER / 2))
        return ends * spread / math.sqrt(pairs)
    start = (float(sp.special.ndtri(0.5 + CONFIDENCE / 2) + sp.special.ndtri(0.5 + POWER / 2)) * spread / margin) ** 2
    return _smallest(lambda pairs: reach(pairs) <= margin, max(MIN_PAIRS, math.floor(start)))


def _smallest(enough: Callable[[int], bool], start: int) -> int:
    pairs = start
    while not enough(pairs):
        pairs += 1 + pairs // 1000
    return pairs
