"""How long and how dear a run will be, said before it is launched: pure, from finished runs of the same kind.

Stages are scaled by what they handle (questions, test questions, training steps). Loading a model does not scale, so
a scaled range is widened; without a run of the same kind nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.config import RunConfig
from store.formatting import duration, money, plural
from store.queries import PastStage

_SAME_KIND_FIELDS = ("teacher", "teacher_base_url", "student", "precision", "knowledge", "max_new_tokens",
                     "temperature",
                     "fine_tune", "arms", "learning_curve")
"""Runs that differ in one of these go through other stages, or through the same ones at another pace."""
_LAST_STAGE = "final-report"
_WIDENED = 0.2


@dataclass(frozen=True)
class Forecast:
    """A range of seconds and of US dollars, and on how many runs it rests; no cost where none was ever known."""

    low: float
    high: float
    runs: int
    cost_usd: tuple[float, float] | None


def forecast(config: RunConfig, past: Sequence[PastStage], costs: Mapping[str, float]) -> Forecast | None:
    """What this configuration will take; None where no run of its kind has finished.

    Args:
        costs: what the teachers of past runs cost, by run, in US dollars.
    """
    whole = {row.run for row in past if row.stage == _LAST_STAGE}
    kind = [row for row in past if row.run in whole and _kind(row.config) == _kind(config)]
    configs = {row.run: row.config for row in kind}
    if not configs:
        return None
    totals = [_total(config, [row for row in kind if row.run == run]) for run in configs]
    paid = [costs[run] * _asked(config) / _asked(like) for run, like in configs.items() if run in costs]
    exact = len(totals) > 1 and all(_size(like) == _size(config) for like in configs.values())
    low, high = _span(totals, exact)
    return Forecast(low, high, len(totals), _span(paid, exact) if paid else None)


def _kind(config: RunConfig) -> tuple[object, ...]:
    return tuple(getattr(config, field) for field in _SAME_KIND_FIELDS)


def _total(config: RunConfig, rows: Sequence[PastStage]) -> float:
    """Stages of the run once; those of cycles as often as there are cycles, each as long as it was on average."""
    like = rows[0].config
    once = sum(row.seconds * _scale(row.stage, config, like) for row in rows if not row.cycle)
    cycles = len({row.cycle for row in rows if row.cycle}) or 1
    each = sum(row.seconds * _scale(row.stage, config, like) for row in rows if row.cycle) / cycles
    return once + each * config.cycles


def _scale(stage: str, config: RunConfig, like: RunConfig) -> float:
    return _work(stage, config) / (_work(stage, like) or 1) if _work(stage, like) else 1.0


def _work(stage: str, config: RunConfig) -> float:
    """How much a stage handles; 1 for stages that handle the same in every run."""
    test = config.held_out + config.new_topic_questions + config.general
    practice = config.questions + config.paraphrases
    if stage.endswith("fine-tune"):
        return config.steps * config.batch_size * config.gradient_accumulation
    if stage.startswith("tuned"):
        return test + practice
    if stage in ("questions", "baseline", "references", "baseline-evaluation"):
        return practice
    return 1.0 if stage in ("comparison", "arms-comparison", _LAST_STAGE) else test


def _asked(config: RunConfig) -> int:
    """Questions that the teacher is asked for in a whole run."""
    return config.cycles * (config.questions + config.paraphrases) + config.held_out + config.new_topic_questions or 1


def _size(config: RunConfig) -> tuple[int, ...]:
    return (config.questions, config.cycles, config.held_out, config.paraphrases, config.new_topic_questions,
            config.general, config.steps, config.batch_size, config.gradient_accumulation)


def _span(values: Sequence[float], exact: bool) -> tuple[float, float]:
    widened = 0.0 if exact else _WIDENED
    return min(values) * (1 - widened), max(values) * (1 + widened)


def forecast_sentence(guess: Forecast | None, offline: bool) -> str:
    """What a launch will take, before it; a cost that nobody knows is not made up."""
    if guess is None:
        return "Time and cost are unknown: no run of this kind has finished yet."
    cost = ("the offline teacher costs nothing" if offline else "its cost is unknown" if guess.cost_usd is None else
            f"the teacher costs {money(guess.cost_usd[0])} to {money(guess.cost_usd[1])}")
    return (f"Takes about {duration(guess.low)} to {duration(guess.high)}, going by "
            f"{plural(guess.runs, 'past run')} of this kind; {cost}.")
