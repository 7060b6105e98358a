"""What a resumed run starts from, derived from its events: missing checkpoints and the memory plan.

Checkpoints are files in the data folder of the runner that made them; a runner with another data folder can take the
run over and finds none of them, unless both share an artifact store (`shared_files.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.pipeline.recovery import Action
from store.events import (
    PlanChosen, Recorded, RecoveryTaken, RunCancelled, RunFailed, RunPaused, RunStarted, StageFinished,
)


def missing_checkpoints(history: Sequence[Recorded], folder: Path) -> str | None:
    """Describe the finished stages without a checkpoint in the run's folder, and where they were made; else None."""
    finished = {(item.cycle, item.stage): item.event.path for item in history if isinstance(item.event, StageFinished)}
    gone = [path for path in finished.values() if not (folder / path).is_file()]
    if not gone:
        return None
    before = next((item.event for item in reversed(history) if isinstance(item.event, RunStarted)), None)
    made_in, by = (before.folder, before.owner) if before else ("", "")
    where = f"they were made in {made_in or 'an unrecorded folder'} by {by or 'an unknown runner'}"
    if made_in == str(folder):
        where = "they were made there and are gone"
    return (f"{len(gone)} of {len(finished)} finished stages have no checkpoint in {folder}: {where}; "
            "they run again here")


_SMALLER_PLAN_ACTIONS = (Action.USE_SMALLER_PLAN, Action.USE_NEXT_SETTINGS)


def starting_plan_index(history: Sequence[Recorded]) -> int:
    """Return the index of the latest memory plan, plus one for each later recovery that switched to a smaller plan.

    After a failure, a cancel or a pause it is 0 again: the user may have freed memory.
    """
    index = 0
    for item in history:
        event = item.event
        if isinstance(event, RunFailed | RunCancelled | RunPaused):
            index = 0
        elif isinstance(event, PlanChosen):
            index = event.rung
        elif isinstance(event, RecoveryTaken) and event.action in _SMALLER_PLAN_ACTIONS:
            index += 1
    return index
