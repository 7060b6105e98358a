"""What the runner tidies up while it serves: backups of the store, its log, checkpoints nobody needs any more.

Each job can be killed at any instant and run again; none touches what a run that can still go on might need.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from runner.lifeline import forget_the_dead
from runner.logbook import tell
from store import backup
from store.database import Store
from store.locations import Locations
from store.schema import claims, runs

BACKUPS_KEPT = 7
BACKUP_EVERY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Chore:
    """One thing to tidy, and how often."""

    name: str
    every_seconds: float
    do: Callable[[Store, Locations], None]


def back_up(store: Store, places: Locations) -> None:
    """A copy of the store once a day; the oldest of more than a week's are removed."""
    if not store.is_sqlite or _age_of_newest(places) < BACKUP_EVERY_SECONDS:
        return
    path = places.backups / f"events-{datetime.now(UTC):%Y%m%d-%H%M%S}.db"
    began = time.monotonic()
    backup.copy_to(store, path)
    for old in copies(places)[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    tell("store backed up", file=str(path), size_bytes=path.stat().st_size, seconds=round(time.monotonic() - began, 3))


def copies(places: Locations) -> list[Path]:
    """The daily copies of the store, oldest first."""
    return sorted(places.backups.glob("events-*.db"))


def check_in_log(store: Store, places: Locations) -> None:
    """Bring the write-ahead log into the database before it grows long."""
    if store.is_sqlite:
        backup.checkpoint(store)


def prune(store: Store, places: Locations) -> None:
    """Remove the trainer's checkpoints of finished runs, halves of files that a kill left, and lock files of the dead.

    Adapters and stage checkpoints stay; a run that failed or was cancelled may go on, and keeps everything.
    """
    with store.read() as connection:
        finished = connection.execute(select(runs.c.id).where(runs.c.work == "finished")).scalars().all()
        owners = connection.execute(select(claims.c.owner).where(claims.c.owner.is_not(None))).scalars().all()
    removed = 0
    for run in finished:
        for folder in places.run(run).glob("cycle-*/adapter/checkpoints"):
            removed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            shutil.rmtree(folder, ignore_errors=True)
        for half in places.run(run).rglob(".*.tmp"):
            half.unlink(missing_ok=True)
    gone = forget_the_dead(places.data, owners)
    if removed or gone:
        tell("pruned", training_checkpoint_bytes=removed, owner_locks=gone)


def _age_of_newest(places: Locations) -> float:
    newest = copies(places)[-1:]
    return time.time() - newest[0].stat().st_mtime if newest else float("inf")


CHORES: tuple[Chore, ...] = (
    Chore("backup", 600.0, back_up),
    Chore("write-ahead log", 60.0, check_in_log),
    Chore("pruning", 3600.0, prune),
)
