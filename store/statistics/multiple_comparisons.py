"""Holm's correction for multiple comparisons, over topics, arms and cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS
from store.statistics.equivalence import equivalence_p
from store.statistics.paired_change import PairedChange
from store.statistics.verdict import (
    IMPROVED, INCONCLUSIVE, LOSSES, NO_EVIDENCE, NO_RELEVANT_CHANGE, REGRESSED, TESTED, verdict_of,
)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-adjusted p values (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = largest
    return adjusted


@dataclass(frozen=True)
class Finding:
    """The adjusted result of one topic or arm among several; `adjusted_p` is None if it has too few pairs."""

    adjusted_p: float | None
    verdict: str


def holm_adjusted_verdicts(changes: Mapping[str, PairedChange], better: int,
                           margin: float | None = None) -> dict[str, Finding]:
    """Return a verdict per change, with Holm's correction over all of them; below six pairs there is none.

    "Improved" and "worse" stand where the adjusted p is below 0.05, and "no relevant change" where the adjusted p of
    equivalence is; the others are inconclusive.

    Args:
        better: +1 if a higher score is better, -1 if a lower one is.
        margin: as in `verdict_of`.
    """
    tested = [name for name, change in changes.items()
              if change.scored >= MIN_PAIRS and change.t_p_value is not None]
    adjusted = dict(zip(tested, holm([changes[name].t_p_value or 0.0 for name in tested]), strict=True))
    within = {} if margin is None else _adjusted_equivalence({name: changes[name] for name in tested}, margin)
    found = {}
    for name, change in changes.items():
        verdict = verdict_of(change, better, margin)
        p = within.get(name, 0.0) if verdict == NO_RELEVANT_CHANGE else adjusted.get(name, 1.0)
        if verdict in (IMPROVED, NO_RELEVANT_CHANGE, *LOSSES) and p >= 1 - CONFIDENCE:
            verdict = NO_EVIDENCE if margin is None else INCONCLUSIVE
        found[name] = Finding(adjusted.get(name), verdict)
    return found


def _adjusted_equivalence(changes: Mapping[str, PairedChange], margin: float) -> dict[str, float]:
    """Return each change's p of equivalence after Holm's correction; one alone keeps its interval's verdict."""
    found = {name: p for name, change in changes.items() if (p := equivalence_p(change, margin)) is not None}
    if len(found) < 2:
        return {}
    return dict(zip(found, holm(list(found.values())), strict=True))


@dataclass(frozen=True)
class CycleFindings:
    """The changes of all cycles of a run after Holm's correction; cycles that improved, and that got worse."""

    adjusted_p: dict[int, float]
    improved: tuple[int, ...]
    regressed: tuple[int, ...]
    """Cycles that are worse; reports have published them under this name from the first."""
    sentence: str


def over_cycles(found: Mapping[int, tuple[float | None, str]]) -> CycleFindings | None:
    """Apply Holm's correction over the cycles of one run, on one metric and tier; None below two testable cycles.

    Args:
        found: cycle -> (p of its interval, None if there is none; the cycle's own verdict).
    """
    tested = {cycle: p for cycle, (p, verdict) in sorted(found.items())
              if p is not None and verdict in TESTED}
    if len(tested) < 2:
        return None
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    significant = [cycle for cycle, p in adjusted.items() if p < 1 - CONFIDENCE]
    improved = tuple(cycle for cycle in significant if found[cycle][1] == IMPROVED)
    worse = tuple(cycle for cycle in significant if found[cycle][1] in LOSSES)
    lost = "regressed" if any(found[cycle][1] == REGRESSED for cycle in worse) else "got worse"
    parts = [f"{_listed(cycles)} {word}" for cycles, word in ((improved, "improved"), (worse, lost)) if cycles]
    return CycleFindings(adjusted, improved, worse, _sentence(len(tested), parts, adjusted))


def _sentence(count: int, parts: Sequence[str], adjusted: dict[int, float]) -> str:
    found = " and ".join(parts) or "no cycle shows a clear change"
    return (f"Over all {count} cycles (Holm's correction), {found}; "
            f"smallest adjusted p {min(adjusted.values()):.3f}.")


def _listed(cycles: tuple[int, ...]) -> str:
    return ("cycle " if len(cycles) == 1 else "cycles ") + ", ".join(map(str, cycles))
