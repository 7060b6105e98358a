"""Power analysis: what a test can detect before it is run, and the power for a given change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS
from store.statistics.minimum_detectable_effect import USUAL_SD, minimum_detectable_effect
from store.statistics.verdict import title_in_sentence

_DEFAULT_SD = {"choice_accuracy": 0.5}


@dataclass(frozen=True)
class PastVariance:
    """Standard deviation of one metric's paired differences in one past run, clustering by passage included."""

    run: str
    pairs: int
    spread: float


@dataclass(frozen=True)
class Power:
    """The minimum detectable change of a test with `pairs` questions, estimated from past `runs` or from a default."""

    metric: str
    pairs: int
    spread: float
    smallest: float | None
    """None below six pairs, where no verdict is given."""
    runs: tuple[str, ...]

    @property
    def source(self) -> str:
        """Describe where the spread comes from."""
        if not self.runs:
            return f"a usual spread of {self.spread:.2f}: there is no comparable past run"
        return (f"a spread of {self.spread:.2f}, as in {len(self.runs)} comparable past "
                f"run{'s' * (len(self.runs) > 1)}")

    def sentence(self, title: str) -> str:
        """Describe what the test can detect, for a person before launching a run."""
        if self.pairs == 0:
            return "No test questions: nothing beyond the practice questions is measured."
        if self.smallest is None:
            return f"With fewer than {MIN_PAIRS} test questions no verdict is given."
        return (f"{self.pairs} test questions can only detect a change of about {self.smallest:.2f} or more in "
                f"{title_in_sentence(title)} (80% power at 95% confidence, from {self.source}).")


def default_sd(metric: str) -> float:
    """Return the assumed standard deviation of paired differences without past runs, for binary or graded scores."""
    return _DEFAULT_SD.get(metric, USUAL_SD)


def power_before(metric: str, pairs: int, past: Sequence[PastVariance]) -> Power:
    """Estimate the minimum detectable change of `pairs` questions, from comparable past runs if there are any."""
    known = [item for item in past if item.pairs >= MIN_PAIRS and item.spread > 0]
    total = sum(item.pairs for item in known)
    spread = (math.sqrt(sum(item.pairs * item.spread**2 for item in known) / total) if known else default_sd(metric))
    return Power(metric, pairs, spread, minimum_detectable_effect(pairs, spread), tuple(item.run for item in known))


def power(gain: float, pairs: int, spread: float) -> float | None:
    """Return the probability that the interval excludes zero on the side of a true change; None below six pairs."""
    if pairs < MIN_PAIRS:
        return None
    freedom = pairs - 1
    reach = float(sp.special.stdtrit(freedom, 0.5 + CONFIDENCE / 2))
    return 1 - float(sp.special.nctdtr(freedom, abs(gain) * math.sqrt(pairs) / spread, reach))
