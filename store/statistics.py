"""Paired change, its interval, and what may be said of it. Pure: numbers in, numbers out.

The interval is the t interval of the mean paired difference with cluster-robust standard error: questions that
share a passage are not independent witnesses (Miller 2024, arXiv 2411.00640, section 2). With one
question a cluster it is the ordinary paired t interval.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, stdtrit

FEWEST_PAIRS = 6
"""With fewer pairs the exact sign test can never reach p < 0.05, and no verdict is given."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class PairedChange:
    """Tuned minus baseline over the pairs that both arms scored. Missing pairs are counted, never filled."""

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


def paired_change(baseline: Sequence[float | None], tuned: Sequence[float | None], clusters: Sequence[Hashable],
                  better: int = 1, tie_band: float = 0.0) -> PairedChange:
    """The mean paired difference with its 95% interval, wins, ties, losses and sign test.

    Args:
        baseline: one score a question, None where missing.
        tuned: the same questions in the same order.
        clusters: what each question shares with others, such as its passage.
        better: +1 where more is better, -1 where less is: decides wins and losses only.
        tie_band: differences up to this size are ties.
    """
    kept = [(b, t, c) for b, t, c in zip(baseline, tuned, clusters, strict=True) if b is not None and t is not None]
    if not kept:
        return PairedChange(None, None, None, None, None, 0, len(baseline), 0, 0, 0, None)
    before = np.array([b for b, _, _ in kept], dtype=float)
    after = np.array([t for _, t, _ in kept], dtype=float)
    low, high = clustered_interval(after - before, [c for _, _, c in kept])
    gains = (after - before) * better
    wins, losses = int((gains > tie_band).sum()), int((gains < -tie_band).sum())
    return PairedChange(float(before.mean()), float(after.mean()), float((after - before).mean()), low, high,
                        len(kept), len(baseline), wins, len(kept) - wins - losses, losses, sign_test(wins, losses))


def clustered_interval(differences: np.ndarray, clusters: Sequence[Hashable]) -> tuple[float | None, float | None]:
    """The 95% t interval of the mean, degrees of freedom = clusters - 1; (None, None) under two clusters."""
    order = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
    groups = len(order)
    if groups < 2:
        return None, None
    mean, count = differences.mean(), len(differences)
    sums = np.zeros(groups)
    np.add.at(sums, [order[cluster] for cluster in clusters], differences - mean)
    error = math.sqrt(groups / (groups - 1) * float((sums**2).sum())) / count
    reach = float(stdtrit(groups - 1, 0.5 + CONFIDENCE / 2)) * error
    return float(mean - reach), float(mean + reach)


def sign_test(wins: int, losses: int) -> float | None:
    """Exact two-sided p of so uneven a split under a fair coin; ties are left out. None without any."""
    count = wins + losses
    return min(1.0, 2 * float(bdtr(min(wins, losses), count, 0.5))) if count else None


def verdict_of(change: PairedChange, better: int) -> str:
    """improved, regressed, no evidence, too few to say or not measured: by the interval, never by the mean."""
    if change.scored == 0:
        return "not measured"
    if change.scored < FEWEST_PAIRS or change.low is None or change.high is None:
        return "too few to say"
    low, high = sorted((change.low * better, change.high * better))
    return "improved" if low > 0 else "regressed" if high < 0 else "no evidence"


def smallest_visible_change(pairs: int, spread: float = 0.25, power: float = 0.8) -> float | None:
    """The change that so many pairs can see with the given power at 95% confidence; None under six pairs.

    Args:
        pairs: independent paired questions.
        spread: standard deviation of the paired differences (0.25 is usual for similarity scores).
    """
    if pairs < FEWEST_PAIRS:
        return None
    freedom = pairs - 1
    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2) + stdtrit(freedom, power)) * spread / math.sqrt(pairs)


def verdict_sentence(verdict: str, title: str, change: PairedChange) -> str:
    """The verdict with its numbers, as one sentence for a person."""
    if change.change is None or change.baseline is None or change.tuned is None:
        return f"Not measured: no held-out question has both a baseline and a tuned score for {title.lower()}."
    numbers = f"{title.lower()} on held-out questions went from {change.baseline:.2f} to {change.tuned:.2f}"
    interval = f"95% interval {change.low:+.2f} to {change.high:+.2f}" if change.low is not None else "no interval"
    lead = {"improved": "Improved", "regressed": "Regressed", "no evidence": "No evidence of a change",
            "too few to say": "Too few to say"}[verdict]
    return f"{lead}: {numbers} ({change.change:+.2f}, {interval}, n = {change.scored})."
