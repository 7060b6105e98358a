"""Non-parametric paired tests (sign test, Wilcoxon). They ignore clustering: each question counts as independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy as sp

_MOST_ENUMERATED = 13
"""Pairs up to which all 2**n signs are tried where differences are tied in size; scipy's own limit."""
_ROUNDING = 1e-9
"""Sums of ranks closer than this are equal."""


def sign_test(wins: int, losses: int) -> float | None:
    """Return the exact two-sided p of the sign test, ties left out; None if there are only ties."""
    count = wins + losses
    return min(1.0, 2 * float(sp.special.bdtr(min(wins, losses), count, 0.5))) if count else None


def wilcoxon_test(differences: Sequence[float] | np.ndarray) -> float | None:
    """Return the two-sided p of Wilcoxon's signed-rank test, exact where scipy's is; None if no difference."""
    from scipy.stats import wilcoxon  # imported late: scipy.stats takes a second to import, and pages do not need it

    values = np.asarray(differences, dtype=float)
    values = values[values != 0]
    if not len(values):
        return None
    tied = len(np.unique(np.abs(values))) < len(values)
    return _enumerated(values) if tied and len(values) <= _MOST_ENUMERATED else float(wilcoxon(values).pvalue)


def _enumerated(values: np.ndarray) -> float:
    """Return the permutation test's p over all signs at once; scipy calls its statistic for each of them."""
    from scipy.stats import rankdata

    ranks = rankdata(np.abs(values))
    signs = (np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1
    sums, observed = signs @ ranks, float(ranks[values > 0].sum())
    least = min((sums <= observed + _ROUNDING).mean(), (sums >= observed - _ROUNDING).mean())
    return min(1.0, 2 * float(least))
