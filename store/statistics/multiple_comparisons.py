"""Many looks at once find something by luck: Holm's correction, over topics, arms and cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS
from store.statistics.paired_change import PairedChange
from store.statistics.verdict import verdict_of


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p as it counts among the others: at most 1, never smaller than a smaller one's (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = largest
    return adjusted


@dataclass(frozen=True)
class Finding:
    """What may be said of one topic or arm among several: `adjusted_p` is None where its pairs are too few to count."""

    adjusted_p: float | None
    verdict: str


def holm_adjusted_verdicts(changes: Mapping[str, PairedChange], better: int) -> dict[str, Finding]:
    """A verdict for each, corrected for having looked at all of them; under six pairs there is none."""
    told = [name for name, change in changes.items()
            if change.scored >= MIN_PAIRS and change.t_p_value is not None]
    adjusted = dict(zip(told, holm([changes[name].t_p_value or 0.0 for name in told]), strict=True))
    found = {}
    for name, change in changes.items():
        verdict = verdict_of(change, better)
        if verdict in ("improved", "regressed") and adjusted.get(name, 1.0) >= 1 - CONFIDENCE:
            verdict = "no evidence"
        found[name] = Finding(adjusted.get(name), verdict)
    return found


@dataclass(frozen=True)
class CycleFindings:
    """Whether any cycle of a run changed, after correction for having looked at every one of them."""

    adjusted_p: dict[int, float]
    improved: tuple[int, ...]
    regressed: tuple[int, ...]
    sentence: str


def over_cycles(found: Mapping[int, tuple[float | None, str]]) -> CycleFindings | None:
    """Holm over the cycles of one run, on one metric and tier; None where fewer than two can be judged.

    Args:
        found: cycle -> the p that belongs to its interval (None where there is none), and the cycle's own verdict.
    """
    judged = {cycle: p for cycle, (p, verdict) in sorted(found.items())
              if p is not None and verdict in ("improved", "regressed", "no evidence")}
    if len(judged) < 2:
        return None
    adjusted = dict(zip(judged, holm(list(judged.values())), strict=True))
    sure = [cycle for cycle, p in adjusted.items() if p < 1 - CONFIDENCE]
    improved, regressed = (tuple(cycle for cycle in sure if found[cycle][1] == word)
                           for word in ("improved", "regressed"))
    return CycleFindings(adjusted, improved, regressed, _sentence(len(judged), improved, regressed, adjusted))


def _sentence(count: int, improved: tuple[int, ...], regressed: tuple[int, ...], adjusted: dict[int, float]) -> str:
    parts = [f"{_listed(cycles)} {word}"
             for cycles, word in ((improved, "improved"), (regressed, "regressed")) if cycles]
    found = " and ".join(parts) or "no cycle shows a clear change"
    return (f"Looking at all {count} cycles at once (Holm's correction), {found}; "
            f"smallest corrected p {min(adjusted.values()):.3f}.")


def _listed(cycles: tuple[int, ...]) -> str:
    return ("cycle " if len(cycles) == 1 else "cycles ") + ", ".join(map(str, cycles))
