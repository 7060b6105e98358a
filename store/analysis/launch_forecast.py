"""Forecast the duration and cost of a run before it is launched, from finished runs of the same kind. Pure.

Durations of stages are scaled by their amount of work (questions, test questions, optimizer steps). Loading a model
does not scale, so a scaled range is widened. Without a finished run of the same kind there is no forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.config_metadata import Affected, fields_affecting
from store.formatting import duration, money, plural
from store.headline import questions_in_all, questions_of_test
from store.queries import PastStage
from store.run_config import RunConfig

_LAST_STAGE = "final-report"
_MARGIN = 0.2
"""Relative margin on both sides of a range that was scaled from runs of another size."""


@dataclass(frozen=True)
class Forecast:
    """A range of seconds and of US dollars, and the number of runs it is estimated from; no cost if none is known."""

    low: float
    high: float
    runs: int
    cost_usd: tuple[float, float] | None


def forecast(config: RunConfig, past: Sequence[PastStage], costs: Mapping[str, float]) -> Forecast | None:
    """Forecast duration and cost of a configuration; None if no run of the same kind has finished.

    Args:
        costs: teacher cost of past runs in US dollars, by run id.
    """
    finished = {row.run for row in past if row.stage == _LAST_STAGE}
    same_kind = [row for row in past if row.run in finished and _same("work", row.config, config)]
    configs = {row.run: row.config for row in same_kind}
    if not configs:
        return None
    totals = [_total(config, [row for row in same_kind if row.run == run]) for run in configs]
    scaled_costs = [costs[run] * questions_in_all(config) / questions_in_all(other)
                    for run, other in configs.items() if run in costs]
    exact = len(totals) > 1 and all(_same("amount", other, config) for other in configs.values())
    low, high = _span(totals, exact)
    return Forecast(low, high, len(totals), _span(scaled_costs, exact) if scaled_costs else None)


def forecast_of_runs(configs: Sequence[RunConfig], past: Sequence[PastStage],
                     costs: Mapping[str, float]) -> Forecast | None:
    """Forecast a group of runs, one after the other; None if there is no forecast for one of them.

    Its test is paid for once, and so are questions and references that several of its runs ask for with equal settings:
    the later ones use the stored replies.
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
        share = 1 - questions_of_test(config) / questions_in_all(config) if asked else 1.0
        low_usd, high_usd = low_usd + share * one.cost_usd[0], high_usd + share * one.cost_usd[1]
        asked.add(calls)
    known = all(one.cost_usd is not None for one in found)
    return Forecast(sum(one.low for one in found), sum(one.high for one in found), max(one.runs for one in found),
                    (low_usd, high_usd) if known else None)


def _same(effect: Affected, one: RunConfig, other: RunConfig) -> bool:
    """Whether every setting with this effect is equal in two configurations."""
    return all(getattr(one, field) == getattr(other, field) for field in fields_affecting(effect, RunConfig))


def _total(config: RunConfig, rows: Sequence[PastStage]) -> float:
    """Total seconds: stages outside cycles once, and the average cycle times the number of cycles."""
    other = rows[0].config
    once = sum(row.seconds * _scale(row.stage, config, other) for row in rows if not row.cycle)
    cycles = len({row.cycle for row in rows if row.cycle}) or 1
    each = sum(row.seconds * _scale(row.stage, config, other) for row in rows if row.cycle) / cycles
    return once + each * config.cycles


def _scale(stage: str, config: RunConfig, other: RunConfig) -> float:
    return _work(stage, config) / _work(stage, other) if _work(stage, other) else 1.0


def _work(stage: str, config: RunConfig) -> float:
    """Amount of work of a stage; 1 for stages whose work is the same in every run."""
    test = questions_of_test(config) + config.general
    practice = config.questions + config.paraphrases
    if stage.endswith("fine-tune"):
        return _examples(config)
    if stage.startswith("tuned"):
        return test + practice
    if stage in ("questions", "baseline", "references", "baseline-evaluation"):
        return practice
    return 1.0 if stage in ("comparison", "arms-comparison", _LAST_STAGE) else test


def _examples(config: RunConfig) -> float:
    """Return the number of examples that one cycle's training presents, or that stand for its time budget."""
    if config.minutes is not None:
        return config.minutes
    if config.passes is not None:
        return config.passes * config.questions
    return config.steps * config.batch_size * config.gradient_accumulation


def _span(values: Sequence[float], exact: bool) -> tuple[float, float]:
    margin = 0.0 if exact else _MARGIN
    return min(values) * (1 - margin), max(values) * (1 + margin)


def forecast_sentence(guess: Forecast | None, offline: bool) -> str:
    """Format a forecast as one sentence; an unknown cost is called unknown."""
    if guess is None:
        return "Time and cost are unknown: no run of this kind has finished yet."
    cost = ("the offline teacher costs nothing" if offline else "its cost is unknown" if guess.cost_usd is None else
            f"the teacher costs {money(guess.cost_usd[0])} to {money(guess.cost_usd[1])}")
    return (f"Takes about {duration(guess.low)} to {duration(guess.high)}, going by "
            f"{plural(guess.runs, 'past run')} of this kind; {cost}.")
