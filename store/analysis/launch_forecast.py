"""Forecast the duration and cost of a run before it is launched, from finished runs of the same kind. Pure.

`stage_time.py` estimates each stage. Without a finished run of the same kind there is no forecast; where the past runs
had fewer control arms, it is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.analysis.stage_time import ADDS_STAGES, LAST_STAGE, MARGIN, Span, StageTimes, comparable
from store.config_metadata import fields_affecting
from store.formatting import duration, money, plural
from store.headline import questions_in_all, questions_of_test
from store.queries import PastStage
from store.run_config import RunConfig


@dataclass(frozen=True)
class Forecast:
    """Expected seconds with their range and a range of US dollars, and the number of runs that they are based on.

    There is no cost if none is known.
    """

    low: float
    high: float
    runs: int
    cost_usd: tuple[float, float] | None
    seconds: float = 0.0
    at_least: bool = False
    """Whether some stages of the run have never been executed, so that it takes longer."""


def forecast(config: RunConfig, past: Sequence[PastStage], costs: Mapping[str, float]) -> Forecast | None:
    """Forecast duration and cost of a configuration; None if no run of the same kind has finished.

    Args:
        past: newest runs first.
        costs: teacher cost of past runs in US dollars, by run id.
    """
    finished = {row.run: row.config for row in past if row.stage == LAST_STAGE and comparable(row.config, config)}
    equal = {run: other for run, other in finished.items()
             if all(getattr(other, field) == getattr(config, field) for field in ADDS_STAGES)}
    smaller = {run: other for run, other in finished.items() if set(other.arms) <= set(config.arms)}
    base = equal or smaller
    if not base:
        return None
    spans = _stages(config, [row for row in past if row.run in base], StageTimes(config, past))
    scaled_costs = [costs[run] * questions_in_all(config) / questions_in_all(other)
                    for run, other in base.items() if run in costs]
    exact = len(base) > 1 and all(_same_amount(other, config) for other in base.values())
    return Forecast(sum(span.low for span in spans), sum(span.high for span in spans), len(base),
                    _cost_range(scaled_costs, exact) if scaled_costs else None,
                    sum(span.seconds for span in spans), not equal)


def _stages(config: RunConfig, rows: Sequence[PastStage], times: StageTimes) -> list[Span]:
    """The spans of every stage of a run: those outside cycles once, the others in each cycle."""
    once = dict.fromkeys((row.stage, 0) for row in rows if not row.cycle)
    each = dict.fromkeys(row.stage for row in rows if row.cycle)
    planned = [*once, *((stage, cycle) for cycle in range(1, config.cycles + 1) for stage in each)]
    return [span for stage, cycle in planned if (span := times.of(stage, cycle))]


def _same_amount(one: RunConfig, other: RunConfig) -> bool:
    return all(getattr(one, field) == getattr(other, field) for field in fields_affecting("amount", RunConfig))


def _cost_range(values: Sequence[float], exact: bool) -> tuple[float, float]:
    margin = 0.0 if exact else MARGIN
    return min(values) * (1 - margin), max(values) * (1 + margin)


def forecast_of_runs(configs: Sequence[RunConfig], past: Sequence[PastStage],
                     costs: Mapping[str, float], one_test: bool = True) -> Forecast | None:
    """Forecast a group of runs, one after the other; None if there is no forecast for one of them.

    Its test is paid for once, and so are questions and references that several of its runs ask for with equal settings:
    the later ones use the stored replies.

    Args:
        one_test: whether all of them share one test.
    """
    each = [forecast(config, past, costs) for config in configs]
    found = [one for one in each if one is not None]
    if not found or len(found) < len(each):
        return None
    low_usd = high_usd = 0.0
    asked: set[tuple[object, ...]] = set()
    for config, one in zip(configs, found, strict=True):
        calls = (config.teacher, config.seed, config.questions, config.cycles, config.paraphrases)
        if calls in asked or one.cost_usd is None:
            continue
        share = 1 - questions_of_test(config) / questions_in_all(config) if asked and one_test else 1.0
        low_usd, high_usd = low_usd + share * one.cost_usd[0], high_usd + share * one.cost_usd[1]
        asked.add(calls)
    known = all(one.cost_usd is not None for one in found)
    return Forecast(sum(one.low for one in found), sum(one.high for one in found), max(one.runs for one in found),
                    (low_usd, high_usd) if known else None, sum(one.seconds for one in found),
                    any(one.at_least for one in found))


def longest_first(configs: Sequence[RunConfig], past: Sequence[PastStage]) -> tuple[RunConfig, ...]:
    """Return configurations in the order in which several runners are done with them soonest: the longest run first.

    Where one of them has no forecast, they stay in their order; runs that take equally long do so too.
    """
    each = [forecast(config, past, {}) for config in configs]
    known = [one.seconds for one in each if one is not None]
    if len(known) < len(each):
        return tuple(configs)
    order = sorted(range(len(known)), key=lambda at: -known[at])
    return tuple(configs[at] for at in order)


def forecast_sentence(guess: Forecast | None, offline: bool) -> str:
    """Format a forecast as one sentence; an unknown cost is called unknown."""
    if guess is None:
        return "Time and cost are unknown: no run of this kind has finished yet."
    cost = ("the offline teacher costs nothing" if offline else "its cost is unknown" if guess.cost_usd is None else
            f"the teacher costs {money(guess.cost_usd[0])} to {money(guess.cost_usd[1])}")
    least = "at least about" if guess.at_least else "about"
    without = "; some of its stages have never run here" if guess.at_least else ""
    return (f"Takes {least} {duration(guess.seconds)} ({duration(guess.low)} to {duration(guess.high)}), going by "
            f"{plural(guess.runs, 'past run')} of this kind{without}; {cost}.")
