"""Say before the pilots of a run what they are, what they and the run cost, and how wide the forecast may be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from store.analysis.launch_forecast import forecast_of_runs, forecast_sentence
from store.formatting import plural
from store.headline import headline_wanted, questions_in_all
from store.metrics import METRICS, NATS
from store.queries import PastStage
from store.run_config import OFFLINE_TEACHER, RunConfig
from store.statistics import Pilot, default_sd, forecast_at_size
from store.sweep import SweepPlan


def pilot_notes(config: RunConfig, plan: SweepPlan, past: Sequence[PastStage],
                costs: Mapping[str, float]) -> list[str]:
    """Return these sentences for a run with this configuration and its planned pilots.

    Args:
        config: the run's.
        plan: its pilots.
        past: stages of past runs, newest runs first.
        costs: teacher cost of past runs in US dollars, by run id.

    Raises:
        CannotForecast: pilots of these sizes support no forecast.
    """
    sizes = ", ".join(str(one.questions) for one in plan.configs)
    return [f"{plural(len(plan.configs), 'pilot')} in group {plan.group}: {sizes} training questions per cycle, for a "
            f"run of {config.questions}. Each draws its own questions and test; control arms are left out.",
            f"The pilots, one after the other: {_cost(plan.configs, past, costs)}",
            f"The run itself: {_cost((config,), past, costs)}",
            f"With pilots of this size the forecast of {config.headline} will be uncertain by about "
            f"{_uncertainty(plan, config):.2f} to each side; larger ones (--pilots) narrow it."]


def _uncertainty(plan: SweepPlan, config: RunConfig) -> float:
    """Return about how far the forecast's interval reaches, for a usual spread of scores and no gain."""
    pilots = [Pilot(one.questions * one.cycles, 0.0, default_sd(config.headline) / pairs**0.5, pairs - 1, pairs, 0.5)
              for one in plan.configs if (pairs := headline_wanted(one)) > 1]
    found = forecast_at_size(pilots, config.questions * config.cycles, headline_wanted(config),
                             METRICS[config.headline].unit != NATS)
    return (found.high - found.low) / 2


def _cost(configs: Sequence[RunConfig], past: Sequence[PastStage], costs: Mapping[str, float]) -> str:
    """Say how many questions the teacher writes for runs, and what they take and cost as far as past runs tell."""
    expected = forecast_of_runs(configs, past, costs, one_test=False)
    return (f"{sum(map(questions_in_all, configs)):,} questions with their references. "
            f"{forecast_sentence(expected, configs[0].teacher == OFFLINE_TEACHER)}")
