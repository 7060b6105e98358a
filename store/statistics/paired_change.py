"""Paired change of scores on the same questions: mean difference, interval, wins, effect size and tests."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from store.statistics.cluster_bootstrap import cluster_bootstrap
from store.statistics.clustered_interval import MIN_PAIRS, cluster_codes, mean_of
from store.statistics.effect_size import effect_size
from store.statistics.hypothesis_tests import sign_test, wilcoxon_test


@dataclass(frozen=True)
class PairedChange:
    """Tuned minus baseline over the pairs with both scores. Pairs with a missing score are counted, never imputed."""

    baseline: float | None
    tuned: float | None
    change: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    wins: int
    ties: int
    losses: int
    p_value: float | None
    """Exact two-sided sign test."""
    clusters: int | None = None
    """Number of different passages behind the pairs."""
    t_p_value: float | None = None
    """Two-sided p consistent with the interval."""
    wilcoxon_p: float | None = None
    bootstrap_low: float | None = None
    bootstrap_high: float | None = None
    effect: float | None = None
    """Paired effect size (Hedges' g): the change in standard deviations of the differences."""
    effect_low: float | None = None
    effect_high: float | None = None
    spread: float | None = None
    """Standard deviation of the differences with clustering included: the interval's standard error times the square
    root of the number of pairs."""
    freedom: float | None = None
    """Degrees of freedom of the interval."""


def paired_change(baseline: Sequence[float | None], tuned: Sequence[float | None], clusters: Sequence[Hashable],
                  better: int = 1, tie_band: float = 0.0, cross_checks: bool = True) -> PairedChange:
    """Compute the mean paired difference with its 95% interval, wins, ties, losses, effect size and tests.

    Args:
        baseline: one score per question, None where missing.
        tuned: the same questions in the same order.
        clusters: each question's cluster, such as its passage.
        better: +1 if a higher score is better, -1 if a lower one is; affects wins and losses only.
        tie_band: differences up to this size are ties.
        cross_checks: whether to add bootstrap, Wilcoxon's test and effect size, which take most of the time.
    """
    pairs = [(b, t, c) for b, t, c in zip(baseline, tuned, clusters, strict=True) if b is not None and t is not None]
    if not pairs:
        return PairedChange(None, None, None, None, None, 0, len(baseline), 0, 0, 0, None)
    before = np.array([b for b, _, _ in pairs], dtype=float)
    after = np.array([t for _, t, _ in pairs], dtype=float)
    differences, numbers = _round_float_noise(after - before), cluster_codes([c for _, _, c in pairs])
    gains = differences * better
    wins, losses = int((gains > tie_band).sum()), int((gains < -tie_band).sum())
    mean = mean_of(differences, numbers.tolist())
    low, high = mean.interval() if mean else (None, None)
    plain = PairedChange(
        float(before.mean()), float(after.mean()), float(differences.mean()), low, high, len(pairs), len(baseline),
        wins, len(pairs) - wins - losses, losses, sign_test(wins, losses), clusters=int(numbers.max()) + 1,
        t_p_value=mean.p_value() if mean else None, spread=mean.error * math.sqrt(len(pairs)) if mean else None,
        freedom=mean.df if mean else None)
    return plain if len(pairs) < MIN_PAIRS or not cross_checks else _with_cross_checks(plain, differences, numbers)


def _with_cross_checks(change: PairedChange, differences: np.ndarray, numbers: np.ndarray) -> PairedChange:
    """Add what is meaningful only from six pairs on: the bootstrap, Wilcoxon's test and the effect size."""
    effect, (low, high) = effect_size(differences, numbers), cluster_bootstrap(differences, numbers.tolist())
    return replace(change, wilcoxon_p=wilcoxon_test(differences), bootstrap_low=low, bootstrap_high=high,
                   effect=effect.size if effect else None, effect_low=effect.low if effect else None,
                   effect_high=effect.high if effect else None)


def _round_float_noise(differences: np.ndarray) -> np.ndarray:
    """Round off floating-point noise, so that equal scores computed by different sums compare equal."""
    return np.round(differences, 12)
