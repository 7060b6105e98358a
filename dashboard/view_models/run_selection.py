"""Which run a page shows, and the sentence for a run without a comparison. Findings are in `store/analysis`."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.style import labels
from store.analysis.findings import (
    HEADLINE_TIER, Memorisation, by_topic, cycles_corrected, in_order, latest, memorisation, metrics_in, signed_gain,
    tiers_in,
)
from store.analysis.findings import by_cycle as over_cycles
from store.metrics import METRICS
from store.queries import AnswerPair, ChangeRow, Run

__all__ = [
    "HEADLINE_TIER", "Memorisation", "baseline_means", "by_topic", "coverage_of", "cycles_corrected", "headline_of",
    "in_order", "signed_gain", "latest", "memorisation", "metrics_in", "newest_active", "newest_finished",
    "over_cycles", "tiers_in",
]

_SAID_ABOVE = ("Improved", "Regressed", "No evidence of a change", "Too few to say", "Not measured")
"""With these words a verdict's sentence begins, and the heading above it has said them."""


def newest_finished(runs: Sequence[Run]) -> Run | None:
    """The run a stakeholder means when they name none: the newest finished one with a verdict, else the newest."""
    with_verdict = [run for run in runs if run.work == "finished" and run.verdict]
    finished = [run for run in runs if run.work == "finished"]
    return next(iter(with_verdict or finished or runs), None)


def newest_active(runs: Sequence[Run]) -> Run | None:
    """The run to follow: what runs, then what waits or was lost, else the newest."""
    for states in (("running",), ("queued", "lost", "paused")):
        found = next((run for run in runs if run.work in states), None)
        if found:
            return found
    return runs[0] if runs else None


def baseline_means(pairs: Sequence[AnswerPair], tier: str) -> dict[str, tuple[float, int, int]]:
    """For each metric the untrained student's mean, how many answers were scored, and how many asked."""
    asked = [pair for pair in pairs if pair.tier == tier]
    found = {}
    for metric in METRICS:
        values = [before for pair in asked if (before := pair.scores.get(metric, (None, None))[0]) is not None]
        if values:
            found[metric] = (sum(values) / len(values), len(values), len(asked))
    return found


def coverage_of(rows: Sequence[ChangeRow]) -> str:
    """On how many pairs the rows rest, metrics that miss none and those that do told apart."""
    whole = [row for row in rows if row.scored == row.asked]
    rest = [f"{labels.metric_short(row.metric)}: {row.asked - row.scored} missing" for row in rows if row not in whole]
    return f"Each metric rests on {rows[0].asked} questions{'; ' + ', '.join(rest) if rest else ', none missing'}."


def headline_of(run: Run, sentence: str | None) -> str:
    """The sentence under the verdict, or why there is none yet."""
    if sentence:
        lead, _, rest = sentence.partition(": ")
        said = rest[:1].upper() + rest[1:] if lead in _SAID_ABOVE else sentence
        return labels.signed(said)
    waiting = {
        "queued": "The run waits for a runner.",
        "running": "The run is still at work; its first verdict comes with its first finished cycle.",
        "lost": "The runner went away; another one takes the run up where it stopped.",
        "paused": "The run is paused before its first verdict.",
        "failed": "The run failed before it could be judged.",
        "cancelled": "The run was cancelled before it could be judged.",
    }
    return waiting.get(run.work, "The run ended without a comparison.")
