"""Forecast the change at another training size from pilots at smaller ones, with a 90% prediction interval.

Two readings of the pilots bound what more training can do: the change *stays* at that of the largest pilot, or it goes
on *linearly in the logarithm* of the training size (a weighted fit through all pilots). A learning curve that saturates
lies between the two. The interval reaches from the lowest end of both readings' prediction intervals to the highest.

Each reading's interval holds three sources of error, with t quantiles of the pilots' own degrees of freedom:

- the pilots' standard errors over their questions;
- what another training would give. One training a size cannot show it, so it is taken to be as large as the smallest
  standard error of the pilots, and all is widened by how badly the pilots fit a line (Birge's ratio, never below 1);
- the questions of the forecast run's own test, because its measured change is what the forecast is scored by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy as sp

from store.statistics.clustered_interval import MIN_PAIRS

MIN_PILOTS = 3
FORECAST_CONFIDENCE = 0.9
MOST_TIMES = 20
"""The most that a size may be above that of the largest pilot."""


class CannotForecast(ValueError):
    """The pilots do not support a forecast; the message is one sentence."""


@dataclass(frozen=True)
class Pilot:
    """The change by one metric in one small run."""

    size: int
    """Training questions in all."""
    change: float
    error: float
    """Standard error of the change over questions."""
    freedom: float
    """Degrees of freedom of `error`."""
    pairs: int
    baseline: float
    """Mean score of the untrained student."""


@dataclass(frozen=True)
class SizeForecast:
    """The change that is expected at a size, with its prediction interval."""

    size: int
    change: float
    """Midway between the two readings."""
    low: float
    high: float


def forecast_at_size(pilots: Sequence[Pilot], size: int, pairs: int, is_share: bool) -> SizeForecast:
    """Forecast the measured change of a run with `size` training questions.

    Args:
        pilots: runs that differ in their size, three or more.
        size: training questions of the forecast run.
        pairs: questions of its test.
        is_share: whether scores lie between 0 and 1, which bounds their change.

    Raises:
        CannotForecast: too few pilots, sizes or questions; or a size that is no larger, or far larger.
    """
    _check(pilots, size, pairs)
    errors = np.array([pilot.error for pilot in pilots])
    of_training = float(errors.min()) ** 2
    variances = errors**2 + of_training
    spread = sum(pilot.pairs * (pilot.error * math.sqrt(pilot.pairs)) ** 2 for pilot in pilots) / \
        sum(pilot.pairs for pilot in pilots)
    of_run = spread / pairs + of_training
    largest = max(range(len(pilots)), key=lambda at: pilots[at].size)
    stays = np.eye(len(pilots))[largest]
    goes_on, misfit = _line(pilots, variances, size)
    means, ends = [], []
    for weights, factor in ((stays, 1.0), (goes_on, misfit)):
        parts = weights**2 * variances
        freedom = float(parts.sum()) ** 2 / float((parts**2 / [pilot.freedom for pilot in pilots]).sum())
        mean = float(weights @ [pilot.change for pilot in pilots])
        reach = float(sp.special.stdtrit(freedom, 0.5 + FORECAST_CONFIDENCE / 2)) * math.sqrt(
            factor * parts.sum() + of_run)
        means.append(mean)
        ends += [mean - reach, mean + reach]
    low, high = _bounds(pilots, pairs) if is_share else (-math.inf, math.inf)
    return SizeForecast(size, min(high, max(low, sum(means) / 2)), max(low, min(ends)), min(high, max(ends)))


def _check(pilots: Sequence[Pilot], size: int, pairs: int) -> None:
    sizes = {pilot.size for pilot in pilots}
    if len(sizes) < MIN_PILOTS:
        raise CannotForecast(f"a forecast needs pilots of {MIN_PILOTS} different sizes, and these have "
                             f"{', '.join(map(str, sorted(sizes))) or 'none'}")
    if size <= max(sizes):
        raise CannotForecast(f"{size} training questions are no more than the largest pilot's {max(sizes)}: its own "
                             "result says more than a forecast")
    if size > MOST_TIMES * max(sizes):
        raise CannotForecast(f"{size} training questions are more than {MOST_TIMES} times the largest pilot's "
                             f"{max(sizes)}: run larger pilots")
    few = min(*(pilot.pairs for pilot in pilots), pairs)
    if few < MIN_PAIRS:
        raise CannotForecast(f"a test has {few} scored questions, and a forecast needs {MIN_PAIRS} or more in every "
                             "pilot and in the run itself")


def _line(pilots: Sequence[Pilot], variances: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """Return the weight of each pilot in the fitted line's value at `size`, and the misfit (Birge's ratio)."""
    at = np.log([pilot.size for pilot in pilots])
    changes, weights = np.array([pilot.change for pilot in pilots]), 1 / variances
    center = float(weights @ at) / float(weights.sum())
    slopes = weights * (at - center) / float(weights @ (at - center) ** 2)
    level = weights / weights.sum()
    rest = changes - level @ changes - (slopes @ changes) * (at - center)
    return level + (math.log(size) - center) * slopes, max(1.0, float(weights @ rest**2) / (len(pilots) - 2))


def _bounds(pilots: Sequence[Pilot], pairs: int) -> tuple[float, float]:
    """Return the changes that leave a score between 0 and 1, allowing for the untrained score's standard error."""
    asked = sum(pilot.pairs for pilot in pilots)
    before = sum(pilot.pairs * pilot.baseline for pilot in pilots) / asked
    slack = 2 * math.sqrt(before * (1 - before) * (1 / asked + 1 / pairs))
    return -min(1.0, before + slack), min(1.0, 1 - before + slack)
