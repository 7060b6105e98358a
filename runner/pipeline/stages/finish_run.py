"""Finish a run: its verdict is that of its last cycle.

The last cycle is fixed before the run starts; picking the best of several afterwards would be biased upwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.stage_context import StageContext
from store.events import ArmsCompared, CycleFinished, Event, RunFinished


def finish_run(context: StageContext) -> Sequence[Event]:
    """Finish the run with the verdict of its last cycle; with a development split, with that of the chosen one."""
    if opened := context.inputs.get("test-comparison"):
        compared = opened.only(ArmsCompared)
        return [RunFinished(compared.verdict, compared.sentence, context.running_seconds())]
    last = context.inputs[f"comparison@{context.config.cycles}"].only(CycleFinished)
    return [RunFinished(last.verdict, last.sentence, context.running_seconds())]
