"""Welch's interval of the difference of two gains on different questions, such as the generalization gap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE


@dataclass(frozen=True)
class Distance:
    """One gain minus another with its 95% interval; None if there is no interval."""

    value: float
    low: float | None
    high: float | None


def welch_difference(one: float, other: float, errors: tuple[float | None, float | None],
                     freedoms: tuple[float | None, float | None]) -> Distance:
    """Return `one` minus `other` with Welch's interval for independent samples.

    Args:
        errors: the standard error of each, None if unknown.
        freedoms: the degrees of freedom of each error.
    """
    value = one - other
    (first, second), (of_first, of_second) = errors, freedoms
    if first is None or second is None or of_first is None or of_second is None or first == second == 0:
        return Distance(value, None, None)
    total = first**2 + second**2
    freedom = total**2 / (first**4 / of_first + second**4 / of_second)
    reach = float(sp.special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * math.sqrt(total)
    return Distance(value, value - reach, value + reach)
