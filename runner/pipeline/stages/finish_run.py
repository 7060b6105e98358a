"""Finish a run: its verdict is that of its last cycle, and its forecast is scored by what it measured.

The last cycle is fixed before the run starts; picking the best of several afterwards would be biased upwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.stage_context import StageContext
from store.analysis.gain_forecast import score_forecast
from store.events import ArmsCompared, CycleFinished, Event, ForecastRegistered, RunFinished


def finish_run(context: StageContext) -> Sequence[Event]:
    """Finish the run with the verdict of its last cycle; with a development split, with that of the chosen one."""
    last = context.inputs[f"comparison@{context.config.cycles}"]
    opened = context.inputs.get("test-comparison")
    told = opened.only(ArmsCompared) if opened else last.only(CycleFinished)
    scored = [score_forecast(context.forecast, _measured(context.forecast, opened or last))] if context.forecast else []
    return [*scored, RunFinished(told.verdict, told.sentence, context.running_seconds())]


def _measured(forecast: ForecastRegistered, compared: Artifact) -> float | None:
    """Return the change that was forecast, as the run measured it; None if it has none."""
    return next((row.change for row in compared.only(ArmsCompared).changes
                 if (row.tier, row.metric, row.topic) == (forecast.tier, forecast.metric, "")), None)
