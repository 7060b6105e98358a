"""Non-parametric paired tests (sign test, Wilcoxon). They ignore clustering: each question counts as independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr


def sign_test(wins: int, losses: int) -> float | None:
    """Return the exact two-sided p of the sign test, ties left out; None if there are only ties."""
    count = wins + losses
    return min(1.0, 2 * float(bdtr(min(wins, losses), count, 0.5))) if count else None


def wilcoxon_test(differences: Sequence[float] | np.ndarray) -> float | None:
    """Return the two-sided p of Wilcoxon's signed-rank test, exact where scipy can; None if no difference."""
    from scipy.stats import wilcoxon  # imported late: scipy.stats takes a second to import, and pages do not need it

    values = np.asarray(differences, dtype=float)
    values = values[values != 0]
    return float(wilcoxon(values).pvalue) if len(values) else None
