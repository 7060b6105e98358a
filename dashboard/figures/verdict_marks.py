"""How charts draw a verdict: its name in the legend, its colour and its symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dashboard.style import labels, theme
from store.statistics import IMPROVED, LOSSES, NO_RELEVANT_CHANGE


class Mark(NamedTuple):
    """One entry of a legend."""

    name: str
    color: str
    symbol: str


def verdict_mark(verdict: str, better: str, worse: str) -> Mark:
    """Return how a verdict is drawn; only a change that is sure has a colour.

    Args:
        better: symbol of a change for the better.
        worse: symbol of a change for the worse.
    """
    name = labels.verdict(verdict).label.lower()
    if verdict == IMPROVED:
        return Mark(name, theme.BETTER, better)
    if verdict in LOSSES:
        return Mark(name, theme.WORSE, worse)
    return Mark(name, theme.INCONCLUSIVE, "square" if verdict == NO_RELEVANT_CHANGE else "circle")


def in_legend_order(verdicts: Sequence[str]) -> list[str]:
    """Return each verdict that occurs once, in the order of the labels."""
    known = list(labels.VERDICTS)
    return sorted(set(verdicts), key=lambda name: (known.index(name) if name in known else len(known), name))
