"""Maintenance tasks of the runner: daily backups of the store, WAL checkpoints, removal of files no longer needed.

Each task can be killed at any time and run again; none touches what a resumable run might need.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path

from sqlalchemy import select

from runner.artifact_store import open_artifact_store
from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.errors import UnusableObject
from runner.pipeline.run_files import read_list
from runner.service.process_locks import remove_stale_locks
from runner.service.runner_log import log_event
from store.database import Store, backup
from store.events import FilesStored, Recorded
from store.paths import Paths
from store.queries.stored_files import stored_file_lists
from store.schema import claims, runs
from store.unfinished_uploads import remove_unfinished

BACKUPS_KEPT = 7
BACKUP_EVERY_SECONDS = 86_400.0
ARTIFACTS_KEPT, ARTIFACTS_FORGOTTEN = timedelta(days=7), timedelta(days=60)


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


def prune_artifacts(store: Store, paths: Paths) -> None:
    """Delete from the artifact store what only lists name that were replaced more than a week ago.

    As long, the daily copies of the store name them. Objects that no event ever named are not known here, and stay.
    """
    artifacts = open_artifact_store(paths.artifacts)
    if artifacts is None:
        return
    kept, replaced = _lists_by_age(stored_file_lists(store), datetime.now(UTC))
    old = set[str]().union(*(_hashes(artifacts, digest) for digest in replaced))
    if not old:
        return
    unnamed = old - set[str]().union(*(_hashes(artifacts, digest) for digest in kept))
    deleted = 0
    for digest in unnamed:
        age = artifacts.age_seconds(digest)
        if age is not None and age > ARTIFACTS_KEPT.total_seconds():
            artifacts.delete(digest)
            deleted += 1
    if deleted:
        log_event("artifact store pruned", objects=deleted)


def _lists_by_age(lists: Mapping[str, Sequence[Recorded]], now: datetime) -> tuple[set[str], set[str]]:
    """Return the hashes of the lists that are in use, and of those that were replaced long enough ago.

    What was replaced longer ago than `ARTIFACTS_FORGOTTEN` is in neither: it was deleted then.
    """
    kept, replaced = set[str](), set[str]()
    for history in lists.values():
        for one, later in zip_longest(history, history[1:]):
            assert isinstance(one.event, FilesStored)
            since = now - later.at if later else timedelta()
            if since <= ARTIFACTS_KEPT:
                kept.add(one.event.sha256)
            elif since <= ARTIFACTS_FORGOTTEN:
                replaced.add(one.event.sha256)
    return kept, replaced


def _hashes(artifacts: ArtifactStore, digest: str) -> set[str]:
    """Return what a list of files names, and its own hash; nothing if it is not there any more."""
    with contextlib.suppress(UnusableObject):
        return read_list(artifacts, digest).hashes
    return set()


def _age_of_newest(paths: Paths) -> float:
    newest = copies(paths)[-1:]
    return time.time() - newest[0].stat().st_mtime if newest else float("inf")


MAINTENANCE_TASKS: tuple[MaintenanceTask, ...] = (
    MaintenanceTask("backup", 600.0, back_up),
    MaintenanceTask("write-ahead log", 60.0, checkpoint_wal),
    MaintenanceTask("pruning", 3600.0, prune),
    MaintenanceTask("pruning of the artifact store", 86_400.0, prune_artifacts),
)
