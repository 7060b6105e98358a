"""Choose the settings of a group on its development questions. Its test decides nothing here: it is opened afterwards.

The best of several combinations by the test's own scores would look better than it is, so that choice is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from store import queries
from store.analysis.group_result import Combination, GroupResult, group_result
from store.database import Store
from store.events import CycleChosen, SettingsChosen, SettingsRecord
from store.formatting import number, plural
from store.metrics import METRICS
from store.program_name import NAME
from store.queries.best_adapter import BestAdapter, best_adapter
from store.statistics import title_in_sentence


class CannotChoose(ValueError):
    """The settings of a group cannot be chosen; the message is one sentence with the way out."""


@dataclass(frozen=True)
class DevScores:
    """One combination of settings with the development scores of its runs."""

    combination: Combination
    kept: tuple[BestAdapter, ...]
    """The adapter that each run chose, with its score."""

    @property
    def value(self) -> float | None:
        """Mean over the runs; None without a score."""
        return sum(one.score for one in self.kept) / len(self.kept) if self.kept else None

    @property
    def run_ids(self) -> tuple[str, ...]:
        return (*(run.id for run in self.combination.pooled), *(left.run for left in self.combination.left_out))


@dataclass(frozen=True)
class Choice:
    """The combination with the best mean development score."""

    chosen: DevScores
    all: tuple[DevScores, ...]
    metric: str
    made_before: bool
    """Whether it was made by an earlier command, and stands."""

    @property
    def best_run(self) -> BestAdapter:
        """The chosen combination's run with the best development score: the one to export."""
        return max(self.chosen.kept, key=lambda one: one.score * METRICS[self.metric].better)

    @property
    def other_ids(self) -> tuple[str, ...]:
        return tuple(run for one in self.all if one is not self.chosen for run in one.run_ids)

    def event(self, group: str) -> SettingsChosen:
        """Return the event that records it."""
        return SettingsChosen(group, self.chosen.combination.label, self.metric, tuple(
            SettingsRecord(one.combination.label, one.value, len(one.kept)) for one in self.all))

    def sentence(self) -> str:
        """Say what was chosen and by what."""
        return (f"{self.chosen.combination.label}: the best of {plural(len(self.all), 'combination')} by "
                f"{title_in_sentence(METRICS[self.metric].title)} on the development questions "
                f"({number(self.chosen.value, 3)}); the test played no part in it.")


def dev_scores(store: Store, result: GroupResult) -> list[DevScores]:
    """Return the development scores of each combination of a group; empty without development questions."""
    if not all(one.config.dev_questions for one in result.combinations):
        return []
    found = []
    for one in result.combinations:
        ids = (*(run.id for run in one.pooled), *(left.run for left in one.left_out))
        kept = [best for run in ids if _has_chosen(store, run) and (best := best_adapter(store, run))]
        found.append(DevScores(one, tuple(kept)))
    return found


def choose_settings(store: Store, group: str) -> Choice:
    """Choose among the combinations of a group, or return the choice that was made before.

    Raises:
        CannotChoose: no such group; no development questions; runs that have not got that far; no score.
    """
    result = group_result(store, group, [])
    if result is None:
        raise CannotChoose(f"no group {group!r}: list the runs with their groups: '{NAME} status --json'")
    scores = dev_scores(store, result)
    if not scores:
        several = plural(len(result.combinations), "combination")
        raise CannotChoose(f"group {group} has no development questions: the best of {several} by the test itself "
                           "would look better than it is; queue the sweep with --dev-questions 20")
    metric = scores[0].combination.config.headline
    if before := _made_before(store, scores):
        return Choice(before, tuple(scores), metric, True)
    _refuse_unfinished(store, group)
    scored = [one for one in scores if one.value is not None]
    if not scored:
        raise CannotChoose(f"group {group}: no run has a score on its development questions")
    best = max(scored, key=lambda one: (one.value or 0.0) * METRICS[metric].better)
    return Choice(best, tuple(scores), metric, False)


def _made_before(store: Store, scores: Sequence[DevScores]) -> DevScores | None:
    """Return the combination whose runs were told that it was chosen."""
    return next((one for one in scores for run in one.run_ids
                 if queries.events_of_kinds(store, run, (SettingsChosen,))), None)


def _refuse_unfinished(store: Store, group: str) -> None:
    """Refuse a choice before every run has been scored on its development questions, or has ended."""
    waiting = Counter(run.work for run in queries.runs_of_group(store, group) if run.active or (
        run.work == "paused" and not _has_chosen(store, run.id)))
    if waiting:
        words = ", ".join(f"{count} {work}" for work, count in waiting.items())
        raise CannotChoose(f"group {group} is not ready: {words}; the choice is made once, when all of its runs have "
                           "been scored on the development questions or have ended")


def _has_chosen(store: Store, run: str) -> bool:
    """Whether all cycles of a run were scored on its development questions."""
    return bool(queries.events_of_kinds(store, run, (CycleChosen,)))

