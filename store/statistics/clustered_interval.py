"""Cluster-robust confidence interval and p value of the mean of paired differences.

Questions that share a passage are not independent (Miller 2024, arXiv 2411.00640, section 2), so the standard error
is cluster-robust: CR2 with Satterthwaite's degrees of freedom (Bell and McCaffrey 2002), which keeps its coverage with
few clusters of unequal size. With one question per cluster both equal those of the ordinary paired t test.

The plain t interval fails on scores of small tests in two cases, both corrected here (the simulations in
`tests/store/statistics/test_truth.py` have the figures):

- *Skewed differences* shift it: it is corrected for skewness (Hall 1992, by transformation), shrunk as skewness is
  poorly estimated from few clusters. Without skewness it equals the t interval.
- *Many ties*, as with right-or-wrong scores: with 10 pairs and a true gain of 0.1 the t interval has a coverage of 66%,
  and when no answer changed it has width zero. Then half a pseudo-observation is added in each direction before the
  interval is computed, similar to Agresti and Min (2005), who add a whole one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy as sp

CONFIDENCE = 0.95
MIN_PAIRS = 6
"""With fewer pairs the exact sign test can never reach p < 0.05, and no verdict is given."""
TIED_SHARE = 0.2
"""Differences count as mostly tied if at least this share of the pairs has the same difference."""
_PSEUDO_OBSERVATIONS = math.sqrt(0.5)
_SKEWNESS_PRIOR, _SKEWNESS_PRIOR_IF_TIED = 10, 20
"""Shrinkage of the estimated skewness: multiplied by G / (G + prior), with G clusters."""


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, the error's degrees of freedom, the skewness and the number of clusters."""

    value: float
    error: float
    df: float
    skewness: float
    clusters: int

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Return the skewness-corrected t interval with this confidence, 0.95 by default."""
        reach = float(sp.special.stdtrit(self.df, 0.5 + confidence / 2))
        low, high = self._untransformed(reach), self._untransformed(-reach)
        return self.value - self.error * low, self.value - self.error * high

    def p_value(self, truth: float = 0.0) -> float:
        """Return the two-sided p of a true mean of `truth`: below 0.05 exactly if the interval excludes it."""
        if self.error == 0:
            return 1.0 if self.value == truth else 0.0
        return 2 * float(sp.special.stdtr(self.df, -abs(self.transformed((self.value - truth) / self.error))))

    def transformed(self, t: float) -> float:
        """Apply Hall's cubic, which makes a skewed t statistic nearly symmetric. Monotone, so it has an inverse."""
        skew, root = self.skewness, math.sqrt(self.clusters)
        return t + skew * t**2 / (3 * root) + skew**2 * t**3 / (27 * root**2) + skew / (6 * root)

    def _untransformed(self, x: float) -> float:
        skew, root = self.skewness, math.sqrt(self.clusters)
        if abs(skew) < 1e-9:
            return x
        return 3 * root / skew * (float(np.cbrt(1 + skew * (x / root - skew / (6 * root**2)))) - 1)


def mean_of(differences: Sequence[float] | np.ndarray, clusters: Sequence[Hashable]) -> Mean | None:
    """Return the mean of paired differences for computing its interval; None below two clusters.

    With mostly tied differences its value is shrunk slightly toward zero; readers are shown the plain mean.
    """
    values, numbers = np.asarray(differences, dtype=float), cluster_codes(clusters)
    if not len(values) or numbers.max() < 1:
        return None
    plain, groups = cr2_mean(values, numbers), int(numbers.max()) + 1
    if not is_mostly_tied(values):
        return replace(plain, skewness=plain.skewness * groups / (groups + _SKEWNESS_PRIOR))
    extra = pseudo_observation(values)
    augmented = cr2_mean(np.concatenate([values, [extra, -extra]]), np.concatenate([numbers, [groups, groups + 1]]))
    return replace(augmented, skewness=plain.skewness * groups / (groups + _SKEWNESS_PRIOR_IF_TIED))


def cr2_mean(values: np.ndarray, numbers: np.ndarray) -> Mean:
    """Return mean, CR2 standard error, Satterthwaite's degrees of freedom and skewness.

    Args:
        numbers: each value's cluster, numbered from 0.
    """
    count, sizes = len(values), np.bincount(numbers)
    mean = float(values.mean())
    sums = np.bincount(numbers, weights=values - mean) / np.sqrt(1 - sizes / count)
    return Mean(mean, math.sqrt(float((sums**2).sum())) / count, satterthwaite_df(sizes), _skewness(sums), len(sizes))


def satterthwaite_df(sizes: np.ndarray) -> float:
    """Return Satterthwaite's degrees of freedom of a CR2 error: clusters - 1 if all have one size, otherwise fewer."""
    count = int(sizes.sum())
    weight = sizes**2 / (count - sizes)
    return count**2 / float((sizes**2).sum() + weight.sum() ** 2 - (weight**2).sum())


def clustered_interval(differences: Sequence[float] | np.ndarray,
                       clusters: Sequence[Hashable]) -> tuple[float | None, float | None]:
    """Return the 95% interval of the mean difference; (None, None) below two clusters."""
    mean = mean_of(differences, clusters)
    return mean.interval() if mean else (None, None)


def pseudo_observation(values: np.ndarray) -> float:
    """Return the size of the difference added in each direction for ties: the largest observed, with half weight."""
    return _PSEUDO_OBSERVATIONS * (float(np.abs(values).max()) or 1.0)


def is_mostly_tied(values: np.ndarray) -> bool:
    """Whether so many differences are equal that the normal approximation of their mean is poor."""
    _, counts = np.unique(values, return_counts=True)
    return len(values) > 1 and counts.max() > 1 and counts.max() >= TIED_SHARE * len(values)


def cluster_codes(clusters: Sequence[Hashable]) -> np.ndarray:
    """Number the clusters from 0, in the order of their first appearance."""
    order = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
    return np.array([order[cluster] for cluster in clusters], dtype=int)


def _skewness(sums: np.ndarray) -> float:
    """Return the bias-corrected skewness of the clusters' sums around the mean; 0 below six clusters."""
    groups, second = len(sums), float((sums**2).mean())
    if groups < MIN_PAIRS or second == 0:
        return 0.0
    return float((sums**3).mean()) / second**1.5 * math.sqrt(groups * (groups - 1)) / (groups - 2)
