"""Select and combine a run's paired changes for pages, evidence packs and the terminal. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.metrics import METRICS, TIERS
from store.queries import ChangeRow
from store.statistics import CycleFindings, Distance, over_cycles, welch_difference

@dataclass(frozen=True)
class Memorisation:
    """Gain on practice questions against gain on the headline test (generalization gap); positive gains are better."""

    metric: str
    practice: float
    held_out: float
    """Gain on the headline test, whichever tier it is; reports have published it under this name from the first."""
    low: float | None = None
    """95% interval of the distance; None if the comparison did not record standard errors."""
    high: float | None = None

    @property
    def distance(self) -> float:
        """Gain on practice questions minus gain on the headline test."""
        return self.practice - self.held_out


def metrics_in(changes: Sequence[ChangeRow], headline: str) -> list[str]:
    """Return the metrics that were compared: the headline first, then in the order of METRICS."""
    present = {row.metric for row in changes}
    ordered = [name for name in METRICS if name in present] + sorted(present - set(METRICS))
    return sorted(ordered, key=lambda name: name != headline)


def tiers_in(changes: Sequence[ChangeRow]) -> list[str]:
    """Return the tiers that were compared, the headline tier first."""
    return in_order({row.tier for row in changes})


def in_order(tiers: Iterable[str]) -> list[str]:
    """Sort tiers in the order of TIERS, which has the headline tier first; unknown ones last."""
    known = list(TIERS)
    return sorted(tiers, key=lambda tier: (known.index(tier) if tier in known else len(known), tier))


def by_cycle(changes: Sequence[ChangeRow], metric: str, tier: str) -> list[ChangeRow]:
    """Return the rows of one metric on one tier, all topics together, by cycle."""
    rows = [row for row in changes if row.metric == metric and row.tier == tier and not row.topic]
    return sorted(rows, key=lambda row: row.cycle)


def by_topic(changes: Sequence[ChangeRow], metric: str, tier: str) -> list[ChangeRow]:
    """Return the rows of one metric on one tier, one per topic."""
    return [row for row in changes if row.metric == metric and row.tier == tier and row.topic]


def latest(changes: Sequence[ChangeRow], metric: str, tier: str) -> ChangeRow | None:
    """Return the last cycle's row of one metric on one tier; None if there is none."""
    rows = by_cycle(changes, metric, tier)
    return rows[-1] if rows else None


def direction(metric: str) -> int:
    """Return +1 if a higher value of the metric is better, also for an unknown metric, and -1 if a lower one is."""
    return METRICS[metric].better if metric in METRICS else 1


def signed_gain(metric: str, change: float) -> float:
    """Return the change with the sign that makes positive better."""
    return change * direction(metric)


def memorisation(changes: Sequence[ChangeRow], tier: str) -> list[Memorisation]:
    """Return, per metric that both have in the last cycle, how much more was gained on practice than on `tier`."""
    found = []
    for metric in metrics_in(changes, ""):
        practice, test = latest(changes, metric, "practice"), latest(changes, metric, tier)
        if practice and test and practice.change is not None and test.change is not None:
            gap = _memorisation_distance(metric, practice, test, practice.change, test.change)
            found.append(Memorisation(metric, signed_gain(metric, practice.change),
                                      signed_gain(metric, test.change),
                                      gap.low, gap.high))
    return found


def cycles_corrected(changes: Sequence[ChangeRow], metric: str, tier: str) -> CycleFindings | None:
    """Test all cycles of a run with Holm's correction; None if fewer than two can be tested."""
    return over_cycles({row.cycle: (row.t_p_value, row.verdict) for row in by_cycle(changes, metric, tier)})


def _memorisation_distance(metric: str, practice: ChangeRow, test: ChangeRow, gained: float,
                           carried: float) -> Distance:
    return welch_difference(signed_gain(metric, gained), signed_gain(metric, carried),
                            (_error(practice), _error(test)),
                            (practice.freedom, test.freedom))


def _error(row: ChangeRow) -> float | None:
    """Return the standard error of a row's change; None if it is not recorded."""
    return None if row.spread is None or row.scored < 2 else row.spread / math.sqrt(row.scored)
