"""Where a run's checkpoints lie. They are files of the data folder of the runner that made them, and the store is not:
a runner with another folder can take the run up and finds nothing of what is finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from store.events import Recorded, RunStarted, StageFinished


def left_elsewhere(history: Sequence[Recorded], folder: Path) -> str | None:
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
