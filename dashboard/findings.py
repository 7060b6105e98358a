"""What a run's changes say, as values that pages show: pure, read models in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.measures import MEASURES, TIERS
from store.queries import AnswerPair, ChangeRow, Run

HEADLINE_TIER = "held-out"


@dataclass(frozen=True)
class Memorisation:
    """The gain on practice, on held-out, and their distance; gains are counted so that more is better."""

    metric: str
    practice: float
    held_out: float

    @property
    def distance(self) -> float:
        return self.practice - self.held_out


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


def metrics_in(changes: Sequence[ChangeRow], headline: str) -> list[str]:
    """The metrics that were compared: the headline first, then in the order of the metric table."""
    present = {row.metric for row in changes}
    ordered = [name for name in MEASURES if name in present] + sorted(present - set(MEASURES))
    return sorted(ordered, key=lambda name: name != headline)


def tiers_in(changes: Sequence[ChangeRow]) -> list[str]:
    """The tiers that were compared, the headline tier first."""
    return in_order({row.tier for row in changes})


def in_order(tiers: Iterable[str]) -> list[str]:
    """Tiers as the table of tiers has them, the headline tier first; unknown ones last."""
    known = list(TIERS)
    return sorted(tiers, key=lambda tier: (known.index(tier) if tier in known else len(known), tier))


def over_cycles(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> list[ChangeRow]:
    """One metric on one tier, all topics together, by cycle."""
    rows = [row for row in changes if row.metric == metric and row.tier == tier and not row.topic]
    return sorted(rows, key=lambda row: row.cycle)


def by_topic(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> list[ChangeRow]:
    """One metric on one tier, each topic for itself."""
    return [row for row in changes if row.metric == metric and row.tier == tier and row.topic]


def latest(changes: Sequence[ChangeRow], metric: str, tier: str = HEADLINE_TIER) -> ChangeRow | None:
    """The last cycle's row."""
    rows = over_cycles(changes, metric, tier)
    return rows[-1] if rows else None


def is_gain(metric: str, change: float) -> float:
    """The change, turned so that more is better."""
    return change * (MEASURES[metric].better if metric in MEASURES else 1)


def memorisation(changes: Sequence[ChangeRow]) -> list[Memorisation]:
    """For each metric that both tiers have in the last cycle, the distance of their gains."""
    found = []
    for metric in MEASURES:
        practice, held_out = latest(changes, metric, "practice"), latest(changes, metric)
        if practice and held_out and practice.change is not None and held_out.change is not None:
            found.append(Memorisation(metric, is_gain(metric, practice.change), is_gain(metric, held_out.change)))
    return found


def baseline_means(pairs: Sequence[AnswerPair], tier: str) -> dict[str, tuple[float, int, int]]:
    """For each metric the untrained student's mean, how many answers were scored, and how many asked."""
    asked = [pair for pair in pairs if pair.tier == tier]
    found = {}
    for metric in MEASURES:
        values = [before for pair in asked if (before := pair.scores.get(metric, (None, None))[0]) is not None]
        if values:
            found[metric] = (sum(values) / len(values), len(values), len(asked))
    return found


def headline_of(run: Run, sentence: str | None) -> str:
    """The sentence under the verdict, or why there is none yet."""
    if sentence:
        return sentence
    waiting = {
        "queued": "The run waits for a runner.",
        "running": "The run is still at work; its first verdict comes with its first finished cycle.",
        "lost": "The runner went away; another one takes the run up where it stopped.",
        "paused": "The run is paused before its first verdict.",
        "failed": "The run failed before it could be judged.",
        "cancelled": "The run was cancelled before it could be judged.",
    }
    return waiting.get(run.work, "The run ended without a comparison.")
