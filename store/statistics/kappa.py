"""Cohen's kappa: agreement of two raters beyond chance, with the table that it is computed from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_Z = 1.959963984540054


@dataclass(frozen=True)
class Kappa:
    """Agreement on worse, same and better; 1 is perfect, 0 is chance."""

    value: float | None
    """None without pairs, or where both always say the same."""
    low: float | None
    high: float | None
    """Large-sample 95% interval."""
    counts: tuple[tuple[int, int, int], ...]
    """How often the first rater (rows) and the second (columns) said worse, same, better."""


def cohens_kappa(directions: Iterable[tuple[int, int]]) -> Kappa:
    """Return kappa of two raters' directions: -1 worse, 0 the same, 1 better."""
    both = list(directions)
    counts = tuple(tuple(sum(pair == (first, second) for pair in both) for second in (-1, 0, 1))
                   for first in (-1, 0, 1))
    table = tuple((row[0], row[1], row[2]) for row in counts)
    if not both:
        return Kappa(None, None, None, table)
    total = len(both)
    observed = sum(table[at][at] for at in range(3)) / total
    expected = sum(sum(table[at]) * sum(row[at] for row in table) for at in range(3)) / total**2
    if expected == 1:
        return Kappa(None, None, None, table)
    value = (observed - expected) / (1 - expected)
    reach = _Z * math.sqrt(observed * (1 - observed) / total) / (1 - expected)
    return Kappa(value, max(-1.0, value - reach), min(1.0, value + reach), table)
