"""The end of a run: its verdict is its last cycle's.

The last cycle is named before the run starts; picking the best of several afterwards would look better than it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.stage_context import StageContext
from store.events import CycleFinished, Event, RunFinished


def finish_run(context: StageContext) -> Sequence[Event]:
    """Close the run with the verdict of its last cycle."""
    last = context.inputs[f"comparison@{context.config.cycles}"].only(CycleFinished)
    return [RunFinished(last.verdict, last.sentence, context.running_seconds())]
