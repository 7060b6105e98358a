"""Results of a group of runs: for each combination of settings, the change over questions and training seeds.

Runs are pooled only where they belong together: the same locked test with the same references, another seed, a result.
Every other run is counted with the reason. Nothing is chosen among the combinations here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store import queries
from store.config_metadata import settings_of
from store.database import Store
from store.formatting import plural
from store.headline import common_margin
from store.metrics import METRICS
from store.queries import Run
from store.queries.groups import LockedQuestion
from store.run_config import RunConfig
from store.statistics import (
    ChangeOverSeeds, change_over_seeds, difference_between_groups, holm_adjusted_verdicts, verdict_of,
)
from store.sweep import NOT_COMPARED, shown, without_seeds

_Tests = Sequence[Sequence[LockedQuestion]]
"""The locked test of each of several runs."""
BETWEEN_NOTE = ("The verdicts are corrected for how many were compared (Holm), and none is named the best: by the test "
                "that scored it, the best of several looks better than it is. With development questions, the command "
                "`choose` names it.")
_STATES = {"queued": "is queued", "running": "is running", "lost": "was interrupted", "paused": "is paused",
           "waiting-for-batch": "waits for a batch", "waiting-for-review": "waits for a review", "failed": "failed",
           "cancelled": "was cancelled"}
_PLURAL_VERBS = {"is": "are", "was": "were", "has": "have", "waits": "wait", "repeats": "repeat"}


@dataclass(frozen=True)
class LeftOut:
    """A run of the group that is in no number, and why."""

    run: str
    title: str
    reason: str


@dataclass(frozen=True)
class GroupChange:
    """The change by one metric on one tier, over the pooled runs of a combination of settings."""

    tier: str
    metric: str
    judge: str
    found: ChangeOverSeeds
    verdict: str


@dataclass(frozen=True)
class Combination:
    """The runs of a group that differ in seeds alone."""

    settings: Mapping[str, str]
    """Setting -> value, for those that differ between the combinations of the group."""
    config: RunConfig
    """Of its first run."""
    pooled: tuple[Run, ...]
    left_out: tuple[LeftOut, ...]
    changes: tuple[GroupChange, ...]
    same_practice: bool
    """Whether all pooled runs practised the same questions with the same references."""
    not_pooled: tuple[str, ...] = ()
    """A sentence for each metric that is in no number, because no judge scored by it in every run."""

    @property
    def label(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.settings.items()) or "all runs"

    @property
    def runs(self) -> int:
        return len(self.pooled) + len(self.left_out)

    def change(self, tier: str, metric: str) -> GroupChange | None:
        """Return the change by a metric on a tier; None where none of its runs has it."""
        return next((one for one in self.changes if (one.tier, one.metric) == (tier, metric)), None)

    @property
    def headline(self) -> GroupChange | None:
        """The change that decides, by the metric and on the tier named before the runs."""
        return self.change(self.config.headline_tier, self.config.headline)


@dataclass(frozen=True)
class GroupResult:
    """All combinations of a group, in the order in which their first runs were queued."""

    name: str
    combinations: tuple[Combination, ...]

    @property
    def runs(self) -> int:
        return sum(one.runs for one in self.combinations)

    def of_run(self, run: str) -> Combination | None:
        """Return the combination that a run belongs to."""
        return next((one for one in self.combinations
                     if run in {*(run.id for run in one.pooled), *(left.run for left in one.left_out)}), None)


@dataclass(frozen=True)
class BetweenCombinations:
    """The difference of two combinations of a group by one metric: the second's fine-tuned students minus the
    first's, over questions and seeds."""

    one: str
    other: str
    tier: str
    metric: str
    found: ChangeOverSeeds
    verdict: str
    adjusted_p: float | None = None
    """p after Holm's correction; None if there is only one comparison."""


def group_result(store: Store, group: str, metrics: Sequence[str] | None = None) -> GroupResult | None:
    """Return the results of a group as far as it has got; None if there is no such group.

    Args:
        metrics: names of the metrics to compute; None computes all.
    """
    runs = queries.runs_of_group(store, group)
    if not runs:
        return None
    tests = {run.id: queries.locked_test_scores(store, run.id, metrics) for run in runs if run.work == "finished"}
    cells: dict[RunConfig, list[Run]] = {}
    for run in runs:
        cells.setdefault(without_seeds(run.config), []).append(run)
    varied = [setting.name for setting in settings_of(RunConfig) if setting.name not in NOT_COMPARED
              and len({getattr(config, setting.name) for config in cells}) > 1]
    return GroupResult(group, tuple(_combination(store, config, members, varied, tests, _first(runs, members, tests))
                                    for config, members in cells.items()))


def _first(runs: Sequence[Run], members: Sequence[Run], tests: Mapping[str, list[LockedQuestion]]) -> Run | None:
    """Return the run whose test decides what belongs together: of the group, or where runs have tests of their own
    (pilots) of the combination."""
    return next((run for run in (runs if members[0].config.held_out_set else members) if tests.get(run.id)), None)


def between_combinations(store: Store, result: GroupResult, metrics: Sequence[str]) -> list[BetweenCombinations]:
    """Compare every other combination of a group with its first one, on the headline's tier."""
    pooled = [one for one in result.combinations if one.pooled]
    compared = [one for one in pooled if one.pooled[0].held_out_hash == pooled[0].pooled[0].held_out_hash]
    if len(compared) < 2:
        return []
    first, found = compared[0], []
    scored = [[queries.locked_test_scores(store, run.id, metrics) for run in one.pooled] for one in compared]
    for other, tests in zip(compared[1:], scored[1:], strict=True):
        for metric in metrics:
            if difference := _difference(scored[0], tests, first.config.headline_tier, metric):
                found.append((other, metric, difference))
    return [row for metric in metrics for row in _corrected(
        first, metric, {other.label: (other, difference) for other, name, difference in found if name == metric})]


def _corrected(first: Combination, metric: str,
               others: Mapping[str, tuple[Combination, ChangeOverSeeds]]) -> list[BetweenCombinations]:
    """Return the verdict on each difference, with Holm's correction where there are several."""
    margin = common_margin([first.config, *(one.config for one, _ in others.values())], metric)
    better = METRICS[metric].better
    several = holm_adjusted_verdicts({label: found.pooled for label, (_, found) in others.items()}, better, margin)
    return [BetweenCombinations(
        first.label, label, first.config.headline_tier, metric, found,
        several[label].verdict if len(others) > 1 else verdict_of(found.pooled, better, margin),
        several[label].adjusted_p if len(others) > 1 else None) for label, (_, found) in others.items()]


def _difference(first: _Tests, second: _Tests, tier: str, metric: str) -> ChangeOverSeeds | None:
    """Return second minus first by one metric; None where no judge scored both."""
    one, other = _by_judge(first, tier, metric), _by_judge(second, tier, metric)
    judge = next((name for name in one if name in other), None)
    if judge is None:
        return None
    questions, measure = one[judge].questions, METRICS[metric]
    kept = sorted(set(questions) & set(other[judge].questions))
    return difference_between_groups(one[judge].tuned_of(kept), other[judge].tuned_of(kept),
                                     [questions[name] for name in kept], measure.better, measure.tie_band)


def counts(combination: Combination) -> str:
    """Say how many runs are in the numbers and how many are not, by reason."""
    left = Counter(_STATES.get(one.reason, one.reason) for one in combination.left_out)
    words = "; ".join(f"{number} {_of_several(reason) if number > 1 else reason}" for reason, number in left.items())
    pooled = len(combination.pooled)
    return (f"{pooled} of {plural(combination.runs, 'run')} {'is' if pooled == 1 else 'are'} in the numbers"
            + (f"; {words}" if words else ""))


def _of_several(reason: str) -> str:
    """Return a reason with its verb in the plural, where that differs."""
    verb, _, rest = reason.partition(" ")
    return f"{_PLURAL_VERBS.get(verb, verb)} {rest}".rstrip()


def _combination(store: Store, config: RunConfig, members: Sequence[Run], varied: Sequence[str],
                 tests: Mapping[str, list[LockedQuestion]], first: Run | None) -> Combination:
    pooled: list[Run] = []
    left_out: list[LeftOut] = []
    for run in members:
        reason = _reason(run, tests, first, pooled)
        if reason:
            left_out.append(LeftOut(run.id, run.title, reason))
        else:
            pooled.append(run)
    practice = {queries.practice_questions_of(store, run.id) for run in pooled}
    return Combination({name: shown(getattr(config, name)) for name in varied}, members[0].config, tuple(pooled),
                       tuple(left_out), tuple(_changes(pooled, tests)), len(practice) < 2,
                       tuple(_not_pooled(pooled, tests)))


def _reason(run: Run, tests: Mapping[str, list[LockedQuestion]], first: Run | None,
            pooled: Sequence[Run]) -> str | None:
    """Return why a run cannot be pooled; None if it can."""
    if run.work != "finished":
        return run.work
    if not any(after is not None for question in tests[run.id] for _, after in question.scores.values()):
        return "has no scores of a fine-tuned student"
    if first is not None and run.held_out_hash != first.held_out_hash:
        return f"answered another test ({run.held_out_hash} instead of {first.held_out_hash})"
    references = {one.question: one.reference for one in tests[first.id]} if first else {}
    if any(references.get(one.question, one.reference) != one.reference for one in tests[run.id]):
        return "answered a test with other references"
    seeds = run.config.seed, run.config.seed_of_training
    same = next((one for one in pooled if (one.config.seed, one.config.seed_of_training) == seeds), None)
    return f"repeats the seed of {same.title}, so it is no further training" if same else None


@dataclass(frozen=True)
class _Scored:
    """The scores of several runs by one metric and judge."""

    questions: Mapping[str, str]
    """Question -> passage, of the questions that all runs were asked."""
    runs: Sequence[Mapping[str, tuple[float | None, float | None]]]

    def baseline_of(self, names: Sequence[str]) -> list[list[float | None]]:
        return [[run[name][0] if name in run else None for name in names] for run in self.runs]

    def tuned_of(self, names: Sequence[str]) -> list[list[float | None]]:
        return [[run[name][1] if name in run else None for name in names] for run in self.runs]


def _by_judge(tests: _Tests, tier: str, metric: str) -> dict[str, _Scored]:
    """Return the scores by judge, for the judges that scored in every run."""
    of_tier = [[one for one in test if one.tier == tier] for test in tests]
    asked = {one.question: one.passage_id for test in of_tier for one in test}
    judges = [{judge for one in test for (name, judge), (_, after) in one.scores.items()
               if name == metric and after is not None} for test in of_tier]
    common = sorted(set.intersection(*judges)) if judges else []
    return {judge: _Scored(asked, [{one.question: one.scores.get((metric, judge), (None, None)) for one in test}
                                   for test in of_tier]) for judge in common}


def _changes(pooled: Sequence[Run], tests: Mapping[str, list[LockedQuestion]]) -> list[GroupChange]:
    """Compute the change over questions and seeds on every tier for every metric."""
    of_runs = [tests[run.id] for run in pooled]
    tiers = list(dict.fromkeys(one.tier for test in of_runs for one in test))
    present = {metric for test in of_runs for one in test for metric, _ in one.scores}
    rows = []
    for tier in tiers:
        for metric in (name for name in METRICS if name in present):
            for judge, scored in _by_judge(of_runs, tier, metric).items():
                names, measure = sorted(scored.questions), METRICS[metric]
                found = change_over_seeds(scored.baseline_of(names), scored.tuned_of(names),
                                          [scored.questions[name] for name in names], measure.better, measure.tie_band)
                margin = common_margin([run.config for run in pooled], metric)
                rows.append(GroupChange(tier, metric, judge, found, verdict_of(found.pooled, measure.better, margin)))
                break  # one judge a metric: the first that scored in every run
    return rows


def _not_pooled(pooled: Sequence[Run], tests: Mapping[str, list[LockedQuestion]]) -> list[str]:
    """Name each metric by which some of the runs were scored and others were not, or by other judges."""
    scored: dict[str, dict[str, set[str]]] = {}
    for run in pooled:
        for one in tests[run.id]:
            for (metric, judge), (_, after) in one.scores.items():
                if after is not None:
                    scored.setdefault(metric, {}).setdefault(judge, set()).add(run.id)
    return [f"{metric} is in no number: no judge scored by it in all {plural(len(pooled), 'run')} ("
            + "; ".join(f"{judge} in {len(runs)}" for judge, runs in judges.items()) + ")."
            for metric, judges in scored.items() if max(map(len, judges.values())) < len(pooled)]


def as_json(result: GroupResult) -> dict[str, object]:
    """Return a group's result as one JSON object: every combination with its runs, seeds and changes."""
    return {"group": result.name, "combinations": [combination_as_json(one) for one in result.combinations]}


def combination_as_json(one: Combination) -> dict[str, Any]:
    """Return one combination of settings as a JSON object."""
    return {"settings": dict(one.settings),
            "runs": [{"run": run.id, "seed": run.config.seed, "training_seed": run.config.seed_of_training}
                     for run in one.pooled],
            "left_out": [dataclasses.asdict(left) for left in one.left_out], "same_practice": one.same_practice,
            "not_pooled": list(one.not_pooled), "changes": [dataclasses.asdict(change) for change in one.changes]}
