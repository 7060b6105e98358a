"""Agreement of people's ratings with a metric, question by question."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from store.statistics.hypothesis_tests import sign_test

_Z = 1.959963984540054
"""Half-width of the middle 95% of a standard normal."""


@dataclass(frozen=True)
class Agreement:
    """Counts over pairs that a person rated and the metric scored; directions are -1 worse, 0 the same, 1 better."""

    pairs: int
    equal: int
    """Pairs with equal directions, ties included."""
    same_way: int
    """Pairs in which both found a difference, in the same direction."""
    opposite: int
    """Pairs in which both found a difference, in opposite directions."""
    low: float | None
    """Wilson's 95% interval of the share of `same_way` among pairs in which both found a difference."""
    high: float | None
    p_value: float | None
    """Exact two-sided sign test against chance agreement."""


def agreement(directions: Iterable[tuple[int, int]]) -> Agreement:
    """Count how (person, metric) directions agree; there is no interval if no pair has two differences."""
    both = list(directions)
    same_way = sum(person * metric > 0 for person, metric in both)
    opposite = sum(person * metric < 0 for person, metric in both)
    low, high = wilson_interval(same_way, same_way + opposite)
    return Agreement(len(both), sum(person == metric for person, metric in both), same_way, opposite, low, high,
                     sign_test(same_way, opposite))


def wilson_interval(hits: float, count: int) -> tuple[float | None, float | None]:
    """Return Wilson's 95% interval of a share; (None, None) of nothing."""
    if not count:
        return None, None
    share, spread = hits / count, _Z**2 / count
    middle = share + spread / 2
    reach = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))
