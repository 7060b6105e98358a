"""The gain on taught facts split into wording, knowledge and memory of the trained wording, with joint intervals.

Three students answer one test on taught facts, in wordings that were never trained: untrained, placebo (trained for as
long on shuffled references) and tuned. The gain on the training questions themselves is known too. Then

    wording    placebo - untrained on the test
    knowledge  tuned - placebo on the test
    memory     gain on the training questions - gain on the test

add up to the gain on the training questions. The intervals are simultaneous: with 95% all three cover at once
(Bonferroni over the cluster-robust t intervals of `clustered_interval`). The parts are correlated by at most one half,
where an exact joint interval would be narrower by less than 1%.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS, mean_of

WORDING, KNOWLEDGE, MEMORY = "wording", "knowledge", "memory"
PARTS = (WORDING, KNOWLEDGE, MEMORY)
"""In the order in which they add up."""


@dataclass(frozen=True)
class FactScores:
    """The mean scores of one fact's questions, all of one metric; None where a score is missing."""

    fact: Hashable
    """The passage that the fact stands in; its parts are averaged."""
    untrained: float | None
    placebo: float | None
    tuned: float | None
    """On the test, as the two above."""
    untrained_practice: float | None
    tuned_practice: float | None


@dataclass(frozen=True)
class GainPart:
    """One part of the gain, in the metric's unit; positive is better for every metric."""

    part: str
    gain: float
    low: float | None
    """Simultaneous 95% interval of the three parts."""
    high: float | None
    share: float | None
    """Of the whole gain; None where the whole gain is not clearly above zero."""
    facts: int
    asked: int


def gain_shares(facts: Sequence[FactScores], better: int = 1) -> list[GainPart]:
    """Split the gain over the facts that have all five scores; empty below six such facts.

    Args:
        facts: of the questions of one metric.
        better: +1 if a higher score is better, -1 if a lower one is.
    """
    rows = [[value * better for value in (fact.untrained, fact.placebo, fact.tuned, fact.untrained_practice,
                                          fact.tuned_practice) if value is not None] for fact in facts]
    whole = np.array([row for row in rows if len(row) == 5], dtype=float)
    names = [fact.fact for fact, row in zip(facts, rows, strict=True) if len(row) == 5]
    if len(set(names)) < MIN_PAIRS:
        return []
    untrained, placebo, tuned, before, after = whole.T
    parts: Mapping[str, np.ndarray] = {WORDING: placebo - untrained, KNOWLEDGE: tuned - placebo,
                                       MEMORY: (after - before) - (tuned - untrained)}
    all_of_it = _interval(after - before, names, CONFIDENCE)
    total = float((after - before).mean())
    clear = all_of_it[0] is not None and all_of_it[0] > 0
    return [GainPart(name, float(values.mean()), *_interval(values, names, 1 - (1 - CONFIDENCE) / len(PARTS)),
                     float(values.mean()) / total if clear else None, len(names), len(facts))
            for name, values in parts.items()]


def _interval(values: np.ndarray, names: Sequence[Hashable], level: float) -> tuple[float | None, float | None]:
    mean = mean_of(np.round(values, 12), names)
    return mean.interval(level) if mean else (None, None)


def by_fact(scores: Mapping[str, Mapping[Hashable, Sequence[float]]], facts: Sequence[Hashable]) -> list[FactScores]:
    """Average the scores of each fact's questions.

    Args:
        scores: name of a field of `FactScores` -> fact -> scores of its questions.
        facts: those to return, in this order.
    """
    fields = [field.name for field in dataclasses.fields(FactScores) if field.name != "fact"]
    return [FactScores(fact, *(_mean(scores.get(name, {}).get(fact, ())) for name in fields)) for fact in facts]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
