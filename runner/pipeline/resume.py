"""What a resumed run finds: which checkpoints are missing in this data folder, and which memory plan it starts from.

Both are read from the run's events, so they outlive its worker. Checkpoints are files of the data folder of the runner
that made them; a runner with another folder can take the run over and finds none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.pipeline.recovery import Action
from store.events import (
    PlanChosen, Recorded, RecoveryTaken, RunCancelled, RunFailed, RunPaused, RunStarted, StageFinished,
)


def missing_checkpoints(history: Sequence[Recorded], folder: Path) -> str | None:
    """Which finished stages have no file in a run's folder, and where they were made; None where all are there."""
    finished = {(item.cycle, item.stage): item.event.path for item in history if isinstance(item.event, StageFinished)}
    gone = [path for path in finished.values() if not (folder / path).is_file()]
    if not gone:
        return None
    before = next((item.event for item in reversed(history) if isinstance(item.event, RunStarted)), None)
    made_in, by = (before.folder, before.owner) if before else ("", "")
    where = f"they were made in {made_in or 'a folder that is not on record'} by {by or 'a runner unknown'}"
    if made_in == str(folder):
        where = "they were made there and are gone"
    return (f"{len(gone)} of the {len(finished)} stages that are finished have no checkpoint in {folder}: {where}, and "
            "are done again here")


_SMALLER_PLAN_ACTIONS = (Action.USE_SMALLER_PLAN, Action.USE_NEXT_SETTINGS)


def starting_plan_index(history: Sequence[Recorded]) -> int:
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
        elif isinstance(event, RecoveryTaken) and event.action in _SMALLER_PLAN_ACTIONS:
            rung += 1
    return rung
