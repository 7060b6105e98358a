"""Whether people and a metric point the same way, question by question."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from store.statistics.hypothesis_tests import sign_test

_Z = 1.959963984540054
"""Half-width of the middle 95% of a standard normal."""


@dataclass(frozen=True)
class Agreement:
    """Of pairs that a person rated and the metric scored. A direction is -1 (worse), 0 (the same) or 1 (better)."""

    pairs: int
    equal: int
    """Both say the same, "the same" included."""
    same_way: int
    """Both saw a difference, and in the same direction."""
    opposite: int
    low: float | None
    """Wilson's 95% interval of the share of `same_way` where both saw a difference."""
    high: float | None
    p_value: float | None
    """Two-sided exact p of so uneven a split, were the metric's direction a fair coin."""


def agreement(directions: Iterable[tuple[int, int]]) -> Agreement:
    """How (person, metric) directions agree; no interval where not one pair has two differences."""
    both = list(directions)
    same_way = sum(person * metric > 0 for person, metric in both)
    opposite = sum(person * metric < 0 for person, metric in both)
    low, high = _wilson(same_way, same_way + opposite)
    return Agreement(len(both), sum(person == metric for person, metric in both), same_way, opposite, low, high,
                     sign_test(same_way, opposite))


def _wilson(hits: int, count: int) -> tuple[float | None, float | None]:
    if not count:
        return None, None
    share, spread = hits / count, _Z**2 / count
    middle = share + spread / 2
    reach = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))
