"""Before anything is spent: the smallest change that so many questions will be able to see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import nctdtr, stdtrit

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS

POWER = 0.8
_DEFAULT_SD = {"choice_accuracy": 0.5}
_DEFAULT_SD_GRADED = 0.25


@dataclass(frozen=True)
class PastVariance:
    """How far the paired differences of one metric spread in one past run; clustering by passage is in it."""

    run: str
    pairs: int
    spread: float


@dataclass(frozen=True)
class Power:
    """What a test of so many questions can see; `runs` are the past runs that it is computed from, none: the usual."""

    metric: str
    pairs: int
    spread: float
    smallest: float | None
    """None under six pairs: then no verdict is given at all."""
    runs: tuple[str, ...]

    @property
    def source(self) -> str:
        """Where the spread comes from, in words."""
        if not self.runs:
            return f"a usual spread of {self.spread:.2f}: no past run is like this one"
        return (f"a spread of {self.spread:.2f}, as in {len(self.runs)} past run{'s' * (len(self.runs) > 1)} "
                "like this one")

    def sentence(self, title: str) -> str:
        """What the test will be able to show, for a person who has not paid for it yet."""
        if self.pairs == 0:
            return "No held-out questions: nothing can be said about what was learned beyond the practice questions."
        if self.smallest is None:
            return f"With fewer than {MIN_PAIRS} held-out questions no verdict is given."
        return (f"{self.pairs} held-out questions can only detect a change of about {self.smallest:.2f} or more in "
                f"{title.lower()} (80% power at 95% confidence, from {self.source}).")


def default_sd(metric: str) -> float:
    """The standard deviation of paired differences where nothing is known: of right-or-wrong scores, else of graded."""
    return _DEFAULT_SD.get(metric, _DEFAULT_SD_GRADED)


def power_before(metric: str, pairs: int, past: Sequence[PastVariance]) -> Power:
    """The smallest change that `pairs` questions can see, by past runs of the same kind where there are any."""
    known = [item for item in past if item.pairs >= MIN_PAIRS and item.spread > 0]
    total = sum(item.pairs for item in known)
    spread = (math.sqrt(sum(item.pairs * item.spread**2 for item in known) / total) if known else default_sd(metric))
    return Power(metric, pairs, spread, minimum_detectable_effect(pairs, spread), tuple(item.run for item in known))


def minimum_detectable_effect(pairs: int, spread: float = _DEFAULT_SD_GRADED, power: float = POWER) -> float | None:
    """The change that so many pairs can see with the given power at 95% confidence; None under six pairs.

    Args:
        pairs: independent paired questions.
        spread: standard deviation of the paired differences.
    """
    if pairs < MIN_PAIRS:
        return None
    freedom = pairs - 1
    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2) + stdtrit(freedom, power)) * spread / math.sqrt(pairs)


def power(gain: float, pairs: int, spread: float) -> float | None:
    """How likely a true change of this size makes the interval leave zero out on its own side; None under six pairs."""
    if pairs < MIN_PAIRS:
        return None
    freedom = pairs - 1
    reach = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))
    return 1 - float(nctdtr(freedom, abs(gain) * math.sqrt(pairs) / spread, reach))
