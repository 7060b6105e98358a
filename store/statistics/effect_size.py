"""Paired effect size: Hedges' g, the mean difference in standard deviations, corrected for small samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE, cr2_mean


@dataclass(frozen=True)
class Effect:
    """Hedges' g of paired differences (mean / standard deviation, corrected), with its 95% interval."""

    size: float
    low: float
    high: float


def effect_size(differences: np.ndarray, numbers: np.ndarray) -> Effect | None:
    """Return the effect size with an interval from the noncentral t distribution; None if all differences are equal.

    Args:
        numbers: each difference's cluster, numbered from 0; shared passages widen the interval.
    """
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    if spread == 0 or numbers.max() < 1:
        return None
    mean = cr2_mean(differences, numbers)
    if mean.error == 0:
        return None
    statistic, scale = mean.value / mean.error, _small_sample(mean.df) * mean.error / spread
    low, high = (float(sp.special.nctdtrinc(mean.df, share, statistic)) * scale
                 for share in (0.5 + CONFIDENCE / 2, 0.5 - CONFIDENCE / 2))
    if not np.isfinite([low, high]).all():
        return None
    return Effect(statistic * scale, low, high)


def _small_sample(freedom: float) -> float:
    """Return Hedges' exact correction factor: d is biased upward in small samples."""
    if freedom <= 1:
        return 1.0
    return float(np.exp(sp.special.gammaln(freedom / 2) - sp.special.gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2))
