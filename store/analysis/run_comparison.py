"""Compare tuned students of several runs: differing settings, and paired changes on the same questions.

Pairing requires the same held-out questions with the same references, scored by the same judge; otherwise the pair is
refused with the reason, because scores on different tests are not comparable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from store import queries
from store.database import Store
from store.headline import common_margin
from store.metrics import METRICS
from store.queries import ChangeRow, Run, TestScores
from store.statistics import PairedChange, holm_adjusted_verdicts, paired_change, verdict_of

_NAMES_ONLY = ("name", "preset")
"""Not compared: the name does not affect results, and a preset only sets other fields, which are compared."""


@dataclass(frozen=True)
class ComparedRun:
    """One cycle of one run, with its tuned student's scores on the held-out test."""

    run: Run
    cycle: int
    changes: tuple[ChangeRow, ...]
    scores: TestScores

    @property
    def label(self) -> str:
        return f"{self.run.id}:{self.cycle}"

    @cached_property
    def by_judge(self) -> Mapping[str, Mapping[str, Mapping[str, float | None]]]:
        """Metric -> judge -> question -> score; a judge without any score, such as the placeholder for a failure, is
        left out."""
        return {metric: {judge: scores for judge, scores in of_metric.items()
                         if any(value is not None for value in scores.values())}
                for metric, of_metric in self.scores.by_judge.items()}


@dataclass(frozen=True)
class PairedComparison:
    """The change from `one` to `other` by one metric on the same questions; the verdict is that of `other`."""

    one: str
    other: str
    metric: str
    judge: str
    found: PairedChange
    adjusted_p: float | None
    """p after Holm's correction; None if there is only one comparison."""
    verdict: str
    margin: float | None = None
    """The margin that the verdict's word goes by; None if one of the runs named none before it began."""


@dataclass(frozen=True)
class NotComparable:
    """Why two runs, or one of their metrics, cannot be paired."""

    one: str
    other: str
    metric: str
    """Empty if nothing of the two can be paired."""
    reason: str


def side(store: Store, run: Run, cycle: int) -> ComparedRun:
    """Read one cycle of a run for a comparison."""
    return sides(store, [(run, cycle)])[0]


def sides(store: Store, chosen: Sequence[tuple[Run, int]]) -> list[ComparedRun]:
    """Read cycles of runs for a comparison, each run's test questions once."""
    cycles: dict[str, list[int]] = {}
    for run, cycle in chosen:
        cycles.setdefault(run.id, []).append(cycle)
    scores = {run: queries.test_scores(store, run, of_run) for run, of_run in cycles.items()}
    return [ComparedRun(run, cycle, tuple(queries.changes_of(store, run.id, cycle)), scores[run.id][cycle])
            for run, cycle in chosen]


def compare_pairwise(first: ComparedRun, others: Sequence[ComparedRun],
                     cross_checks: bool = True) -> tuple[list[PairedComparison], list[NotComparable]]:
    """Compare every other run with the first, per metric, with Holm's correction over the others.

    Args:
        first: what the others are compared with.
        others: the runs to compare.
        cross_checks: whether to add bootstrap, Wilcoxon's test and effect size; no verdict rests on them.
    """
    paired: list[tuple[ComparedRun, str, str, PairedChange]] = []
    refused = []
    for other in others:
        if reason := _incomparable_reason(first, other):
            refused.append(NotComparable(first.label, other.label, "", reason))
            continue
        for metric in _metrics((first, other)):
            found = _pair(first, other, metric, cross_checks)
            if isinstance(found, str):
                refused.append(NotComparable(first.label, other.label, metric, found))
            else:
                paired.append((other, metric, *found))
    return [row for metric in _metrics((first, *others)) for row in _judged(first, metric, paired)], refused


def differences(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Return the settings in which the runs differ, one row per setting and one column per run."""
    titles = [run.title for run in runs]
    names = [f"{title} ({run.id[-4:]})" if titles.count(title) > 1 else title
             for title, run in zip(titles, runs, strict=True)]
    rows = []
    for field in dataclasses.fields(runs[0].config) if runs else ():
        values = [getattr(run.config, field.name) for run in runs]
        if field.name not in _NAMES_ONLY and any(value != values[0] for value in values):
            rows.append({"setting": field.name.replace("_", " "),
                         **{name: _shown(value) for name, value in zip(names, values, strict=True)}})
    return rows


def _judged(first: ComparedRun, metric: str,
            paired: Sequence[tuple[ComparedRun, str, str, PairedChange]]) -> list[PairedComparison]:
    better = METRICS[metric].better if metric in METRICS else 1
    of_metric = [(other, judge, found) for other, name, judge, found in paired if name == metric]
    margin = common_margin([first.run.config, *(other.run.config for other, _, _ in of_metric)], metric)
    corrected = holm_adjusted_verdicts({other.label: found for other, _, found in of_metric}, better, margin)
    alone = len(of_metric) == 1
    return [PairedComparison(
        first.label, other.label, metric, judge, found, None if alone else corrected[other.label].adjusted_p,
        verdict_of(found, better, margin) if alone else corrected[other.label].verdict, margin)
        for other, judge, found in of_metric]


def _incomparable_reason(one: ComparedRun, other: ComparedRun) -> str | None:
    """Return why two runs cannot be paired at all; None if they can."""
    hashes = one.run.held_out_hash, other.run.held_out_hash
    if None in hashes:
        return "one of them has no held-out questions on record"
    if hashes[0] != hashes[1]:
        return (f"they were tested on different held-out questions ({hashes[0]} and {hashes[1]}): name one set for "
                "both with --held-out-set")
    ours, theirs = one.scores.scored, other.scores.scored
    if differing := [question for question in theirs if other.scores.questions[question].reference != (
            one.scores.questions[question].reference if question in ours else None)]:
        return f"the references of {len(differing)} of {len(ours)} held-out questions are not the same"
    if not ours or not theirs:
        return "one of them has no scores of a tuned student"
    return None


def _pair(one: ComparedRun, other: ComparedRun, metric: str, cross_checks: bool) -> tuple[str, PairedChange] | str:
    """Return the judge and the paired change, or why there is none."""
    first, second = one.by_judge.get(metric, {}), other.by_judge.get(metric, {})
    judge = next((name for name in first if name in second), None)
    if judge is None:
        return f"scored by different judges ({', '.join(first) or 'none'}; {', '.join(second) or 'none'})"
    known = METRICS.get(metric)
    questions = sorted(first[judge])
    return judge, paired_change(
        [first[judge][question] for question in questions],
        [second[judge].get(question) for question in questions],
        [one.scores.questions[question].passage_id for question in questions],
        known.better if known else 1, known.tie_band if known else 0.0, cross_checks)


def _metrics(sides: Sequence[ComparedRun]) -> list[str]:
    present = {metric for side in sides for metric in side.by_judge}
    return [name for name in METRICS if name in present] + sorted(present - set(METRICS))


def _shown(value: object) -> str:
    if isinstance(value, tuple) and value:
        return f"{len(value)}: {', '.join(str(item) for item in value)}"
    return "–" if value in (None, "", ()) else str(value)
