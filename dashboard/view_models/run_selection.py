"""Default run of a page, and the headline sentence of a run. Reexports the findings of `store/analysis`."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.style import labels
from store.analysis.findings import (
    Memorisation, by_topic, cycles_corrected, in_order, latest, memorisation, metrics_in, signed_gain,
    tiers_in,
)
from store.analysis.findings import by_cycle as over_cycles
from store.metrics import METRICS
from store.queries import AnswerPair, ChangeRow, Run
from store.statistics import TESTED

__all__ = [
    "CHAMPION", "Memorisation", "baseline_means", "by_topic", "coverage_of", "cycles_corrected", "headline_of",
    "in_order", "signed_gain", "latest", "memorisation", "metrics_in", "newest_active", "newest_finished",
    "over_cycles", "tiers_in",
]

_VERDICT_PREFIXES = tuple(style.label for style in labels.VERDICTS.values())
"""Beginnings of verdict sentences that repeat the heading above them."""


CHAMPION = "champion"
"""Tag of the run that result pages open on."""


def newest_finished(runs: Sequence[Run]) -> Run | None:
    """Default run of result pages: the newest champion, else the newest finished run whose verdict has an interval.

    Without such a run the newest with a verdict or the newest finished one; if none has finished, the one to monitor.
    """
    finished = [run for run in runs if run.work == "finished"]
    champions = [run for run in finished if CHAMPION in run.tags]
    tested, with_verdict = [run for run in finished if run.verdict in TESTED], [run for run in finished if run.verdict]
    return next(iter(champions or tested or with_verdict or finished), None) or newest_active(runs)


def newest_to_review(runs: Sequence[Run]) -> Run | None:
    """Default run of the page Dataset: the newest that waits for its review, else that of result pages."""
    return next((run for run in runs if run.work == "waiting-for-review"), None) or newest_finished(runs)


def newest_active(runs: Sequence[Run]) -> Run | None:
    """Default run to monitor: a running one, then a waiting, queued, interrupted or paused one, else the newest."""
    for states in (("running",), ("waiting-for-batch", "queued", "lost", "waiting-for-review", "paused")):
        found = next((run for run in runs if run.work in states), None)
        if found:
            return found
    return runs[0] if runs else None


def baseline_means(pairs: Sequence[AnswerPair], tier: str) -> dict[str, tuple[float, int, int]]:
    """By metric: the untrained student's mean score, the number of scored answers, and the number of questions."""
    of_tier = [pair for pair in pairs if pair.tier == tier]
    means = {}
    for metric in METRICS:
        values = [before for pair in of_tier if (before := pair.scores.get(metric, (None, None))[0]) is not None]
        if values:
            means[metric] = (sum(values) / len(values), len(values), len(of_tier))
    return means


def coverage_of(rows: Sequence[ChangeRow]) -> str:
    """A sentence with the number of questions, and the missing scores of each metric."""
    missing = [f"{labels.metric_short(row.metric)}: {row.asked - row.scored} missing"
               for row in rows if row.scored != row.asked]
    return (f"Each metric is computed over {rows[0].asked} questions"
            f"{'; ' + ', '.join(missing) if missing else ', none missing'}.")


def headline_of(run: Run, sentence: str | None) -> str:
    """The sentence under the verdict without its repeated beginning, or the reason why there is no verdict yet."""
    if sentence:
        prefix, _, rest = sentence.partition(": ")
        return labels.signed(rest[:1].upper() + rest[1:] if prefix in _VERDICT_PREFIXES else sentence)
    reasons = {
        "queued": "The run is queued.",
        "running": "The run is active; the first verdict follows its first finished cycle.",
        "lost": "The runner disconnected; the next runner resumes the run where it stopped.",
        "waiting-for-batch": "The run waits for a batch of calls; the page Live shows until when.",
        "waiting-for-review": "The run waits until its questions are reviewed on the page Dataset.",
        "paused": "The run was paused before its first verdict.",
        "failed": "The run failed before its first verdict.",
        "cancelled": "The run was cancelled before its first verdict.",
    }
    return reasons.get(run.work, "The run ended without a comparison.")
