"""On which rung of the memory ladder a run goes on: read from its own record, so that it outlives its worker. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runner.recovery import Action
from store.events import PlanChosen, Recorded, RecoveryTaken, RunCancelled, RunFailed, RunPaused

_LOWER = (Action.STEP_DOWN, Action.NEXT_SETTINGS)


def first_rung(history: Sequence[Recorded]) -> int:
    """The rung of the latest plan, one further down for each recovery since that stepped down.

    Where a person came in between (the run had failed, or was put aside) it begins at the top again: they may have
    made room.
    """
    rung = 0
    for item in history:
        event = item.event
        if isinstance(event, RunFailed | RunCancelled | RunPaused):
            rung = 0
        elif isinstance(event, PlanChosen):
            rung = event.rung
        elif isinstance(event, RecoveryTaken) and event.action in _LOWER:
            rung += 1
    return rung
