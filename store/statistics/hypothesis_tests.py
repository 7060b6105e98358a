"""Tests that need no bell curve: who won how often, and by how much. They take every question as its own witness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr


def sign_test(wins: int, losses: int) -> float | None:
    """Exact two-sided p of so uneven a split under a fair coin; ties are left out. None without any."""
    count = wins + losses
    return min(1.0, 2 * float(bdtr(min(wins, losses), count, 0.5))) if count else None


def wilcoxon_test(differences: Sequence[float] | np.ndarray) -> float | None:
    """Two-sided p of Wilcoxon's signed ranks, exact where scipy can; ties are left out. None without any difference."""
    from scipy.stats import wilcoxon  # late: scipy.stats takes a second to import, and pages need none of it

    values = np.asarray(differences, dtype=float)
    values = values[values != 0]
    return float(wilcoxon(values).pvalue) if len(values) else None
