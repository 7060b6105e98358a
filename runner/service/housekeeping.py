"""Maintenance tasks of the runner: daily backups of the store, WAL checkpoints, removal of files no longer needed.

Each task can be killed at any time and run again; none touches what a resumable run might need.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from runner.service.process_locks import remove_stale_locks
from runner.service.runner_log import log_event
from store.database import Store, backup
from store.paths import Paths
from store.schema import claims, runs
from store.unfinished_uploads import remove_unfinished

BACKUPS_KEPT = 7
BACKUP_EVERY_SECONDS = 86_400.0


@dataclass(frozen=True)
class MaintenanceTask:
    """One maintenance task, and how often it runs."""

    name: str
    every_seconds: float
    do: Callable[[Store, Paths], None]


def back_up(store: Store, paths: Paths) -> None:
    """Copy the store once a day, and keep the newest seven copies."""
    if not store.is_sqlite or _age_of_newest(paths) < BACKUP_EVERY_SECONDS:
        return
    path = paths.backups / f"events-{datetime.now(UTC):%Y%m%d-%H%M%S}.db"
    began = time.monotonic()
    backup.copy_database(store, path)
    for old in copies(paths)[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    log_event("store backed up", file=str(path), size_bytes=path.stat().st_size,
              seconds=round(time.monotonic() - began, 3))


def copies(paths: Paths) -> list[Path]:
    """Return the daily copies of the store, oldest first."""
    return sorted(paths.backups.glob("events-*.db"))


def checkpoint_wal(store: Store, paths: Paths) -> None:
    """Checkpoint the write-ahead log before it grows large."""
    if store.is_sqlite:
        backup.checkpoint(store)


def prune(store: Store, paths: Paths) -> None:
    """Remove checkpoints of trainings and temporary files of finished runs, stale lock files, and broken-off uploads.

    Adapters and stage checkpoints stay; a failed or cancelled run can be resumed, and keeps everything.
    """
    with store.read() as connection:
        finished = connection.execute(select(runs.c.id).where(runs.c.work == "finished")).scalars().all()
        owners = connection.execute(select(claims.c.owner).where(claims.c.owner.is_not(None))).scalars().all()
    removed = 0
    for run in finished:
        for folder in paths.run(run).glob("cycle-*/adapter/checkpoints"):
            removed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            shutil.rmtree(folder, ignore_errors=True)
        for temporary in paths.run(run).rglob(".*.tmp"):
            temporary.unlink(missing_ok=True)
    locks, uploads = remove_stale_locks(paths.data, owners), remove_unfinished(paths.uploads)
    if removed or locks or uploads:
        log_event("pruned", training_checkpoint_bytes=removed, owner_locks=locks, broken_off_uploads=uploads)


def _age_of_newest(paths: Paths) -> float:
    newest = copies(paths)[-1:]
    return time.time() - newest[0].stat().st_mtime if newest else float("inf")


MAINTENANCE_TASKS: tuple[MaintenanceTask, ...] = (
    MaintenanceTask("backup", 600.0, back_up),
    MaintenanceTask("write-ahead log", 60.0, checkpoint_wal),
    MaintenanceTask("pruning", 3600.0, prune),
)
