"""Estimate how long the stages of a run take, from stages that have finished. Pure.

A stage takes a fixed time, such as loading a model, and a time for each item. The time for an item is the slope between
past stages of different sizes; where all have one size, a few seconds are assumed to be fixed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import median

from store.config_metadata import fields_affecting
from store.headline import questions_of_test
from store.queries import PastStage
from store.run_config import RunConfig

LAST_STAGE = "final-report"
ADDS_STAGES = ("arms", "learning_curve")
"""Settings that add stages and leave the duration of the others as it is."""
MARGIN = 0.2
"""Relative margin on both sides of an estimate from a single duration, or from stages of another size."""
_NEWEST = 12
"""How many durations of a stage an estimate is based on."""
_SIZES_DIFFER = 1.2
"""Ratio of two amounts of work from which their durations show the time for an item."""
_ASSUMED_FIXED_SECONDS = 5.0
"""Fixed time of a stage whose past has one size; the embedded student takes 2 to 8 s to be loaded and warmed up."""
_TRAINING, _ANSWERS, _SCORES, _OTHER = "training", "answers", "scores", "other"
_LIKE = {"placebo-fine-tune": "fine-tune"}
"""A stage that has never run -> one that does the same work."""


@dataclass(frozen=True)
class Span:
    """An expected number of seconds with its range."""

    seconds: float
    low: float
    high: float

    def times(self, share: float) -> Span:
        return Span(self.seconds * share, self.low * share, self.high * share)


def comparable(one: RunConfig, other: RunConfig) -> bool:
    """Whether stages of two configurations take equally long for an equal amount of work."""
    fields = {*fields_affecting("duration", RunConfig), *fields_affecting("work", RunConfig)}
    ignored = {*fields_affecting("amount", RunConfig), *ADDS_STAGES}
    return all(getattr(one, field) == getattr(other, field) for field in fields - ignored)


def work_of(stage: str, cycle: int, config: RunConfig) -> float:
    """Return the amount of work of a stage; 1 for stages whose work is the same in every run."""
    test = questions_of_test(config) + config.general
    practice = config.questions + config.paraphrases
    if stage.endswith("fine-tune"):
        return _examples(config, cycle)
    if stage.startswith("tuned") and stage != "tuned-retrieval":
        return test + practice
    if stage in ("questions", "baseline", "references", "facts", "study", "baseline-evaluation"):
        return practice
    return 1.0 if stage in ("comparison", "arms-comparison", "general", "replay", "judge-audit", LAST_STAGE) else test


def _examples(config: RunConfig, cycle: int) -> float:
    """Return the number of examples that a cycle's training presents, or that stand for its time budget."""
    if config.minutes is not None:
        return config.minutes
    if config.passes is not None:
        taught_before = 1 if config.study == "off" else max(1, cycle)  # study items repeat the facts of earlier cycles
        return config.passes * config.questions * taught_before
    return config.steps * config.batch_size * config.gradient_accumulation


def _family(stage: str) -> str:
    if stage.endswith("fine-tune"):
        return _TRAINING
    if stage.endswith("evaluation") or stage == "learning-curve":
        return _SCORES
    return _ANSWERS if stage.startswith("tuned") or stage.endswith(("baseline", "shot", "retrieval", "placebo")) \
        else _OTHER


class StageTimes:
    """Durations of the stages of one configuration, by the comparable stages of the past."""

    def __init__(self, config: RunConfig, past: Sequence[PastStage], run: str = "") -> None:
        """Args:
            past: newest runs first.
            run: the run that is estimated; its own stages take precedence.
        """
        self._config = config
        configs = {row.run: row.config for row in past}
        known = {name for name, other in configs.items() if name == run or comparable(other, config)}
        self._rows: dict[str, list[PastStage]] = defaultdict(list)
        for row in past:
            if row.run in known:
                self._rows[row.stage].append(row)
        self._run = run

    def of(self, stage: str, cycle: int) -> Span | None:
        """Estimate one stage; None if no such stage has finished."""
        name = stage if stage in self._rows else _LIKE.get(stage, stage)
        own = [row for row in self._rows.get(name, ()) if row.run == self._run]
        rows = own or self._rows.get(name, [])
        if not rows:
            return None
        wanted, slope = work_of(stage, cycle, self._config), self._slope(name)
        found = [_scaled(row, wanted, slope) for row in rows[:_NEWEST]]
        same_size = len(found) > 1 and all(work_of(row.stage, row.cycle, row.config) == wanted for row in rows)
        margin = 0.0 if same_size else MARGIN
        span = Span(median(found), min(found) * (1 - margin), max(found) * (1 + margin))
        return span if own else span.times(self._pace)

    @cached_property
    def _pace(self) -> float:
        """How much slower (above 1) or faster this run's stages were than those of other runs; 1 if unknown."""
        own = [row for rows in self._rows.values() for row in rows if row.run == self._run]
        others = StageTimes(self._config, [row for rows in self._rows.values() for row in rows
                                           if row.run != self._run]) if own else self
        pairs = [(row.seconds, span.seconds) for row in own if (span := others.of(row.stage, row.cycle))]
        expected = sum(expected for _, expected in pairs)
        return min(3.0, max(1 / 3, sum(took for took, _ in pairs) / expected)) if expected > 5 else 1.0

    def _slope(self, stage: str) -> float | None:
        """The median time for an item between past stages of different sizes: of this stage, or of its family.

        None without such stages, as for a training that was always equally long.
        """
        rows = self._rows.get(stage, [])[:_NEWEST]
        found = [slope for one, other in combinations(rows, 2) if (slope := _slope_between(one, other)) is not None]
        if not found and _family(stage) in (_ANSWERS, _SCORES):
            alike = [row for name, rows in self._rows.items() if _family(name) == _family(stage)
                     for row in rows[:_NEWEST]]
            found = [slope for one, other in combinations(alike, 2)
                     if one.run == other.run and (slope := _slope_between(one, other)) is not None]
        return median(found) if found else None


def _slope_between(one: PastStage, other: PastStage) -> float | None:
    """Seconds for an item by the line through two durations, from 0 up; None where their sizes hardly differ."""
    a, b = work_of(one.stage, one.cycle, one.config), work_of(other.stage, other.cycle, other.config)
    if not min(a, b) or max(a, b) < _SIZES_DIFFER * min(a, b):
        return None
    return max(0.0, (other.seconds - one.seconds) / (b - a))


def _scaled(row: PastStage, wanted: float, slope: float | None) -> float:
    """A past duration for another amount of work; the time for an item is at most its share of the whole."""
    had = work_of(row.stage, row.cycle, row.config)
    if not had or wanted == had:
        return row.seconds
    if slope is None:
        slope = max(0.0, row.seconds - min(_ASSUMED_FIXED_SECONDS, row.seconds / 2)) / had
    return row.seconds + min(slope, row.seconds / had) * (wanted - had)
