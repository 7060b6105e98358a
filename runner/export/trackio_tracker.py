"""Write runs to a Trackio folder from the events of the store: what was missed is filled up, nothing is there twice.

Each event has an id in Trackio's own tables, which take an id once. The setting `distill.seq` of a run says up to which
event it was written, and is written in the transaction of these events.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runner.errors import UserError
from runner.export.tracked_values import metrics_of, settings_of
from store import events
from store.database import Store
from store.event_log.event_rows import read_events
from store.events import Recorded

SEQ = "distill.seq"
FOLDER_VARIABLE = "TRACKIO_DIR"
AT_ONCE = 500
"""Events of one transaction."""


class TrackioTracker:
    """A Trackio folder, as `trackio show` opens it."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open the folder; it is made where there is none.

        Args:
            folder: what TRACKIO_DIR names; a process can write to one alone.
            project: Trackio's project; its runs are those of the store.

        Raises:
            UserError: Trackio is not installed, or writes to another folder already.
        """
        os.environ[FOLDER_VARIABLE] = str(folder)  # read when it is imported
        try:
            from trackio.sqlite_storage import SQLiteStorage
            from trackio.utils import TRACKIO_DIR
        except ImportError as error:
            raise UserError("Trackio is not installed: pip install trackio") from error
        if Path(TRACKIO_DIR) != folder:
            raise UserError(f"this process writes to the Trackio folder {TRACKIO_DIR} already: export to {folder} by "
                            "another one")
        self.uri, self._project, self._storage = str(folder), project, SQLiteStorage

    def export(self, store: Store, run: str) -> int:
        """Write the events of a run that were not written yet; return how many there were.

        A run appears with the first value that it measured.
        """
        known: dict[str, Any] = self._storage.get_run_config(self._project, run, run_id=run) or {}
        new = read_events(store, run, int(known.get(SEQ, 0)))
        settings = {name: value for name, value in known.items() if not name.startswith("_")}
        for start in range(0, len(new), AT_ONCE):
            part = new[start:start + AT_ONCE]
            for one in part:
                settings |= dict(settings_of(one))
            self._write(run, part, settings | {SEQ: part[-1].seq})
        return len(new)

    def _write(self, run: str, part: list[Recorded], settings: dict[str, Any]) -> None:
        """Write a part of a run's events; what is said of it in words comes first, because it has no transaction."""
        words = [(one, *said) for one in part if (said := words_of(one))]
        self._storage.bulk_alert(
            self._project, run, [title for _, title, _, _ in words], [text for _, _, text, _ in words],
            [level for *_, level in words], [None] * len(words), [one.at.isoformat() for one, *_ in words],
            [f"{run}/{one.seq}" for one, *_ in words], run)
        rows = [(one, step, values) for one in part for step, values in values_of(one)]
        self._storage.bulk_log(
            self._project, run, [values for _, _, values in rows], [step for _, step, _ in rows],
            [one.at.isoformat() for one, _, _ in rows], settings, [f"{run}/{one.seq}" for one, _, _ in rows],
            run_id=run)


def values_of(recorded: Recorded) -> Iterable[tuple[int, dict[str, float]]]:
    """Return what an event measured, as one row with its step; nothing where it measured nothing."""
    if isinstance(recorded.event, events.RunFinished):
        return [(0, {"seconds": recorded.event.seconds})]
    found = [(name, value, step) for name, value, step in metrics_of(recorded) if value is not None]
    return [(found[0][2], {name: value for name, value, _ in found})] if found else []


def words_of(recorded: Recorded) -> tuple[str, str, str] | None:
    """Return title, text and level of what an event says of its run in words."""
    event = recorded.event
    if isinstance(event, events.RunFinished):
        return event.verdict, event.sentence, "info"
    if isinstance(event, events.RunFailed):
        return "failed", f"{event.message} {event.advice}".strip(), "error"
    return None
