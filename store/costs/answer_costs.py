"""What an answer takes and costs: seconds, tokens a second, US dollars. Pure.

A student's seconds are its share of the batch that it answered in, which is what a machine's price is paid for; the
time that a person waits for one answer is longer. An export is asked one question at a time. A teacher's seconds are
those of its calls, of which several are under way at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Timing:
    """What one answer took."""

    tokens: int
    seconds: float


@dataclass(frozen=True)
class Speed:
    """How quickly answers were given; None where nothing was timed."""

    answers: int
    """How many of them were timed."""
    seconds_p50: float | None
    seconds_p95: float | None
    mean_seconds: float | None
    tokens_per_second: float | None


def speed_of(timings: Sequence[Timing]) -> Speed:
    """Return the quantiles of the seconds and the tokens a second; answers without a time are left out."""
    timed = [one for one in timings if one.seconds > 0]
    if not timed:
        return Speed(0, None, None, None, None)
    seconds = np.array([one.seconds for one in timed])
    middle, slow = np.quantile(seconds, (0.5, 0.95))
    return Speed(len(timed), float(middle), float(slow), float(seconds.mean()),
                 float(sum(one.tokens for one in timed) / seconds.sum()))


def machine_usd_per_1000(mean_seconds: float | None, usd_per_hour: float | None) -> float | None:
    """Return what 1,000 answers cost on a machine with a price per hour; None unless both are known."""
    if mean_seconds is None or usd_per_hour is None:
        return None
    return 1000 * mean_seconds / SECONDS_AN_HOUR * usd_per_hour
