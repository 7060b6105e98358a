"""Mean paired change over questions and training seeds: an interval for other questions *and* other trainings.

Each of S runs gives a paired difference for each of Q questions: y(q, s) = mu + question + seed + rest. Questions and
seeds are crossed random effects, so the variance of the grand mean has a part of the questions and a part of the seeds:

- The questions' part is that of each question's mean over seeds, with the same corrections as in a single run
  (`clustered_interval`). It contains the rest's share already.
- The seeds' part is the variance of the runs' means, less what the rest contributes to it: a run's mean also differs
  because each question is answered a little differently. It is never taken as below zero.

Each part has its own degrees of freedom, and few seeds have very few: the half-widths are added in quadrature, each
with its own t quantile (Graybill and Wang 1980; Zou and Donner 2008 call it MOVER). With three seeds the seeds' part is
thus multiplied by 4.3 and not by 2, and the interval is never narrower than that over questions alone. With pooled
degrees of freedom by Satterthwaite, three seeds cover only 92-94% where the seeds' part is the larger one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE, Mean, cluster_codes, mean_of
from store.statistics.paired_change import PairedChange, paired_change

MIN_SEEDS = 3
"""From so many seeds on, their spread is in the interval; two leave one degree of freedom, and a t quantile of 12.7."""
Scores = Sequence[Sequence[float | None]]
"""One row per run, one column per question; None where missing."""


@dataclass(frozen=True)
class ChangeOverSeeds:
    """The change over the questions that have both scores in every run."""

    pooled: PairedChange
    """Means over the runs; the interval is over seeds too if `seeds_in`. Wins and losses count questions by their mean
    over the runs. Without bootstrap, Wilcoxon's test and effect size, which know no seeds."""
    seed_changes: tuple[float, ...]
    """The mean change of each run, in order."""
    spread: float | None
    """Standard deviation of the runs' mean changes; None for one run."""
    seed_sd: float | None
    """Estimated standard deviation between seeds alone, without what the questions contribute; None for one run."""
    seeds_in: bool
    questions_low: float | None
    """The interval over questions alone, of these runs and no others."""
    questions_high: float | None


def change_over_seeds(baseline: Scores, tuned: Scores, clusters: Sequence[Hashable], better: int = 1,
                      tie_band: float = 0.0) -> ChangeOverSeeds:
    """Return the mean paired change of several runs on the same questions, over questions and seeds.

    Args:
        baseline: untrained scores, one row per run.
        tuned: the same runs and questions in the same order.
        clusters: each question's cluster, such as its passage.
        better: +1 if a higher score is better, -1 if a lower one is.
        tie_band: differences up to this size are ties.
    """
    before, after = _matrix(baseline), _matrix(tuned)
    complete = ~np.isnan(before + after).any(axis=0)
    plain = paired_change(_means(before, complete), _means(after, complete), clusters, better, tie_band, False)
    differences = (after - before)[:, complete]
    kept = [cluster for cluster, is_in in zip(clusters, complete, strict=True) if is_in]
    return _with_seeds(plain, [differences], differences, kept)


def difference_between_groups(first: Scores, second: Scores, clusters: Sequence[Hashable], better: int = 1,
                              tie_band: float = 0.0) -> ChangeOverSeeds:
    """Return second minus first, of two groups of runs with other settings or methods on the same questions.

    The seeds of the two are independent, so each group has its own part of the variance. `seed_changes` are those of
    the second group against the mean of the first.

    Args:
        first, second: fine-tuned scores, one row per run.
        clusters, better, tie_band: as in `change_over_seeds`.
    """
    one, other = _matrix(first), _matrix(second)
    complete = ~(np.isnan(one).any(axis=0) | np.isnan(other).any(axis=0))
    plain = paired_change(_means(one, complete), _means(other, complete), clusters, better, tie_band, False)
    kept = [cluster for cluster, is_in in zip(clusters, complete, strict=True) if is_in]
    one, other = one[:, complete], other[:, complete]
    return _with_seeds(plain, [one, other], other - one.mean(axis=0), kept)


def _with_seeds(plain: PairedChange, groups: Sequence[np.ndarray], differences: np.ndarray,
                clusters: Sequence[Hashable]) -> ChangeOverSeeds:
    """Add the seeds' part of each group to the interval over questions."""
    if not differences.size:
        return ChangeOverSeeds(plain, (), None, None, False, None, None)
    seed_means = tuple(float(mean) for mean in differences.mean(axis=1))
    several = len(seed_means) > 1
    codes = cluster_codes(clusters)
    parts = [(seed_variance(group, codes), len(group) - 1) for group in groups if len(group) > 1]
    spread = float(np.std(seed_means, ddof=1)) if several else None
    seed_sd = math.sqrt(parts[-1][0] * len(seed_means)) if several else None
    mean = mean_of(np.round(differences.mean(axis=0), 12), clusters)
    seeds_in = mean is not None and min(len(group) for group in groups) >= MIN_SEEDS
    pooled = plain
    if seeds_in and mean is not None:
        low, high = _interval(mean, parts, CONFIDENCE)
        pooled = replace(plain, low=low, high=high, t_p_value=_p_value(mean, parts))
    return ChangeOverSeeds(pooled, seed_means, spread, seed_sd, seeds_in, plain.low, plain.high)


def seed_variance(differences: np.ndarray, clusters: np.ndarray) -> float:
    """Return the seeds' part of the variance of the grand mean: that of the runs' means, less the rest's contribution.

    Args:
        differences: runs x questions, without missing values; two runs or more.
        clusters: each question's cluster, numbered from 0.
    """
    runs, questions = differences.shape
    by_run, by_question = differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - by_run[:, None] - by_question[None, :] + differences.mean()
    sizes = np.bincount(clusters)
    if len(sizes) < 2:
        return float(by_run.var(ddof=1)) / runs
    sums = np.stack([np.bincount(clusters, weights=row, minlength=len(sizes)) for row in rest])
    of_rest = float((sums**2 / (1 - sizes / questions)).sum()) / (runs * questions) ** 2 * runs / (runs - 1)
    return max(0.0, float(by_run.var(ddof=1)) / runs - of_rest)


def _interval(mean: Mean, parts: Sequence[tuple[float, int]], confidence: float) -> tuple[float, float]:
    """Return the interval over questions, widened on both sides by the seeds' parts."""
    low, high = mean.interval(confidence)
    of_seeds = sum(variance * float(sp.special.stdtrit(freedom, 0.5 + confidence / 2)) ** 2
                   for variance, freedom in parts)
    return mean.value - math.hypot(mean.value - low, math.sqrt(of_seeds)), \
        mean.value + math.hypot(high - mean.value, math.sqrt(of_seeds))


def _p_value(mean: Mean, parts: Sequence[tuple[float, int]]) -> float:
    """Return the two-sided p of no change: one minus the confidence at which the interval just reaches 0."""
    inside, outside = 1.0, 0.0
    for _ in range(40):
        confidence = (inside + outside) / 2
        low, high = _interval(mean, parts, confidence)
        inside, outside = (confidence, outside) if low <= 0 <= high else (inside, confidence)
    return 1 - inside


def _matrix(scores: Scores) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row] for row in scores], dtype=float)


def _means(scores: np.ndarray, complete: np.ndarray) -> list[float | None]:
    """Return the mean over the runs of each question, None where one is missing."""
    means = np.round(np.where(complete, scores.sum(axis=0) / len(scores), 0.0), 12)
    return [float(value) if is_in else None for value, is_in in zip(means, complete, strict=True)]
