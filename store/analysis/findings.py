"""What a run's paired changes say, as values for pages, reports and the terminal. Pure: read models in, values out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.metrics import METRICS, TIERS
from store.queries import ChangeRow
from store.statistics import CycleFindings, Distance, over_cycles, welch_difference

HEADLINE_TIER = "held-out"


@dataclass(frozen=True)
class Memorisation:
    """The gain on practice, on held-out, and their distance; gains are counted so that more is better."""

    metric: str
    practice: float
    held_out: float
    low: float | None = None
    """95% interval of the distance; None where the comparison did not record its errors."""
    high: float | None = None

    @property
    def distance(self) -> float:
        return self.practice - self.held_out


def metrics_in(changes: Sequence[ChangeRow], headline: str) -> list[str]:
    """The metrics that were compared: the headline first, then in the order of the metric table."""
    present = {row.metric for row in changes}
    ordered = [name for name in METRICS if name in present] + sorted(present - set(METRICS))
    return sorted(ordered, key=lambda name: name != headline)


def tiers_in(changes: Sequence[ChangeRow]) -> list[str]:
    """The tiers that were compared, the headline tier first."""
    return in_order({row.tier for row in changes})


def in_order(tiers: Iterable[str]) -> list[str]:
    """Tiers as the table of tiers has them, the headline tier first; unknown ones last."""
    known = list(TIERS)
    return sorted(tiers, key=lambda tier: (known.index(tier) if tier in known else len(known), tier))


def by_cycle(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> list[ChangeRow]:
    """One metric on one tier, all topics together, by cycle."""
    rows = [row for row in changes if row.metric == metric and row.tier == tier and not row.topic]
    return sorted(rows, key=lambda row: row.cycle)


def by_topic(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> list[ChangeRow]:
    """One metric on one tier, each topic for itself."""
    return [row for row in changes if row.metric == metric and row.tier == tier and row.topic]


def latest(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> ChangeRow | None:
    """The last cycle's row."""
    rows = by_cycle(changes, metric, tier)
    return rows[-1] if rows else None


def direction(metric: str) -> int:
    """+1 where more is better, -1 where less is; a metric that nobody knows counts as the former."""
    return METRICS[metric].better if metric in METRICS else 1


def signed_gain(metric: str, change: float) -> float:
    """The change, turned so that more is better."""
    return change * direction(metric)


def memorisation(changes: Sequence[ChangeRow]) -> list[Memorisation]:
    """For each metric that both tiers have in the last cycle, how much more was gained on practice than on held-out."""
    found = []
    for metric in metrics_in(changes, ""):
        practice, held_out = latest(changes, metric, "practice"), latest(changes, metric)
        if practice and held_out and practice.change is not None and held_out.change is not None:
            gap = _memorisation_distance(metric, practice, held_out, practice.change, held_out.change)
            found.append(Memorisation(metric, signed_gain(metric, practice.change),
                                      signed_gain(metric, held_out.change),
                                      gap.low, gap.high))
    return found


def cycles_corrected(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> CycleFindings | None:
    """Whether any cycle changed, corrected for having looked at all; None under two that can be judged."""
    return over_cycles({row.cycle: (row.t_p_value, row.verdict) for row in by_cycle(changes, metric, tier)})


def _memorisation_distance(metric: str, practice: ChangeRow, held_out: ChangeRow, gained: float,
                           carried: float) -> Distance:
    return welch_difference(signed_gain(metric, gained), signed_gain(metric, carried),
                            (_error(practice), _error(held_out)),
                            (practice.freedom, held_out.freedom))


def _error(row: ChangeRow) -> float | None:
    """The standard error behind a row's interval."""
    return None if row.spread is None or row.scored < 2 else row.spread / math.sqrt(row.scored)
