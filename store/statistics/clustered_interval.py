"""The mean of paired differences, how far off it may be, and what that rests on.

Questions that share a passage are not independent witnesses (Miller 2024, arXiv 2411.00640, section 2), so the
standard error is cluster-robust: CR2 with Satterthwaite's degrees of freedom (Bell and McCaffrey 2002), which stays
honest with few clusters of unequal size. With one question a cluster both are those of the ordinary paired t test.

Two things make the plain t interval fail on scores of small tests, and both are mended here (the simulations in
`tests/store/statistics/test_truth.py` hold the figures):

- *Lopsided differences* pull it to one side: it is corrected for skewness (Hall 1992, by transformation), as far as
  so few can tell their skewness. Without skewness it is the t interval to the last digit.
- *Many equal differences*, as right-or-wrong scores give: with 10 pairs and a true gain of 0.1 the t interval covers
  the truth 66 times in 100, and when no answer changed it claims to know the change exactly. There half a pair each
  way is added before the interval is taken, in the spirit of Agresti and Min (2005), who add a whole one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
MIN_PAIRS = 6
"""With fewer pairs the exact sign test can never reach p < 0.05, and no verdict is given."""
TIED_SHARE = 0.2
"""From this share of pairs with the very same difference on, differences count as coarse."""
_PSEUDO_OBSERVATIONS = math.sqrt(0.5)
_SKEWNESS_PRIOR, _DOUBT_IF_COARSE = 10, 20
"""Skewness is itself a guess: it is believed to G / (G + doubt) of its size, with G clusters."""


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, the degrees of freedom of that error, and the skewness of what it sums."""

    value: float
    error: float
    df: float
    skewness: float
    clusters: int

    def interval(self) -> tuple[float, float]:
        """The 95% interval: skewness-corrected t."""
        reach = float(stdtrit(self.df, 0.5 + CONFIDENCE / 2))
        low, high = self._untransformed(reach), self._untransformed(-reach)
        return self.value - self.error * low, self.value - self.error * high

    def p_value(self, truth: float = 0.0) -> float:
        """Two-sided p of a true mean of `truth`: below 0.05 exactly where the interval leaves it out."""
        if self.error == 0:
            return 1.0 if self.value == truth else 0.0
        return 2 * float(stdtr(self.df, -abs(self._transformed((self.value - truth) / self.error))))

    def _transformed(self, t: float) -> float:
        """Hall's cubic: a skewed t statistic made nearly symmetric. Monotone, so that it has an inverse."""
        skew, root = self.skewness, math.sqrt(self.clusters)
        return t + skew * t**2 / (3 * root) + skew**2 * t**3 / (27 * root**2) + skew / (6 * root)

    def _untransformed(self, x: float) -> float:
        skew, root = self.skewness, math.sqrt(self.clusters)
        if abs(skew) < 1e-9:
            return x
        return 3 * root / skew * (float(np.cbrt(1 + skew * (x / root - skew / (6 * root**2)))) - 1)


def mean_of(differences: Sequence[float] | np.ndarray, clusters: Sequence[Hashable]) -> Mean | None:
    """The mean of paired differences as an interval may be taken from it; None under two clusters.

    Its value is drawn a little to zero where differences are coarse; the plain mean is what a reader is told.
    """
    values, numbers = np.asarray(differences, dtype=float), cluster_codes(clusters)
    if not len(values) or numbers.max() < 1:
        return None
    plain, groups = cr2_mean(values, numbers), int(numbers.max()) + 1
    if not is_mostly_tied(values):
        return replace(plain, skewness=plain.skewness * groups / (groups + _SKEWNESS_PRIOR))
    more = pseudo_observation(values)
    steadied = cr2_mean(np.concatenate([values, [more, -more]]), np.concatenate([numbers, [groups, groups + 1]]))
    return replace(steadied, skewness=plain.skewness * groups / (groups + _DOUBT_IF_COARSE))


def cr2_mean(values: np.ndarray, numbers: np.ndarray) -> Mean:
    """Mean, CR2 standard error, Satterthwaite's freedom, skewness; `numbers`: each value's cluster, from 0."""
    count, sizes = len(values), np.bincount(numbers)
    mean = float(values.mean())
    sums = np.bincount(numbers, weights=values - mean) / np.sqrt(1 - sizes / count)
    return Mean(mean, math.sqrt(float((sums**2).sum())) / count, satterthwaite_df(sizes), _skewness(sums), len(sizes))


def satterthwaite_df(sizes: np.ndarray) -> float:
    """Satterthwaite's degrees of freedom of a CR2 error: clusters - 1 where all are of one size, fewer elsewhere."""
    count = int(sizes.sum())
    weight = sizes**2 / (count - sizes)
    return count**2 / float((sizes**2).sum() + weight.sum() ** 2 - (weight**2).sum())


def clustered_interval(differences: Sequence[float] | np.ndarray,
                       clusters: Sequence[Hashable]) -> tuple[float | None, float | None]:
    """The 95% interval of the mean difference; (None, None) under two clusters."""
    mean = mean_of(differences, clusters)
    return mean.interval() if mean else (None, None)


def pseudo_observation(values: np.ndarray) -> float:
    """How large a difference is added each way where differences are coarse: as large as any seen, counted half."""
    return _PSEUDO_OBSERVATIONS * (float(np.abs(values).max()) or 1.0)


def is_mostly_tied(values: np.ndarray) -> bool:
    """Whether so many differences are the very same number that a bell curve is a poor picture of their mean."""
    _, counts = np.unique(values, return_counts=True)
    return len(values) > 1 and counts.max() > 1 and counts.max() >= TIED_SHARE * len(values)


def cluster_codes(clusters: Sequence[Hashable]) -> np.ndarray:
    """Clusters as whole numbers from 0, in the order of their first appearance."""
    order = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
    return np.array([order[cluster] for cluster in clusters], dtype=int)


def _skewness(sums: np.ndarray) -> float:
    """Of the clusters' sums around the mean, with the usual correction for small samples; 0 under six clusters."""
    groups, second = len(sums), float((sums**2).mean())
    if groups < MIN_PAIRS or second == 0:
        return 0.0
    return float((sums**3).mean()) / second**1.5 * math.sqrt(groups * (groups - 1)) / (groups - 2)
