"""Detect a dead runner on the same host at once, by the lock files (flock) that runners hold.

A runner and its child hold a lock file for as long as they live; the kernel releases it when the last of them exits,
however it exits. So on the same host no lease has to expire.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Collection
from pathlib import Path

import psutil

from runner.errors import UserError
from store import file_locks
from store.event_log.leases import owner_device

LOCK_WAIT_SECONDS = 0.1
"""How often a standby runner tries to take the lock."""


class AlreadyRunning(RuntimeError):
    """Another runner already serves this data folder."""


def acquire_lock(path: Path) -> int | None:
    """Take the lock until the process exits; return its descriptor, or None if another process holds it.

    Raises:
        UserError: this platform has no such locks.
    """
    if not file_locks.AVAILABLE:
        raise UserError("this platform cannot lock files (flock), so that two runners could execute the same run: use "
                        "Linux, macOS or WSL")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if not file_locks.try_lock(descriptor):
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def acquire_runner_lock(data: Path, wait: Callable[[float], bool] | None = None) -> int | None:
    """Take the lock that allows only one runner per data folder.

    Args:
        wait: for a standby runner: called between attempts with the seconds until the next; if it returns True, None is
            returned.

    Raises:
        AlreadyRunning: another runner holds the lock and `wait` is None; the message names its process.
    """
    path = data / "runner.lock"
    descriptor = acquire_lock(path)
    while descriptor is None and wait is not None:
        if wait(LOCK_WAIT_SECONDS):
            return None
        descriptor = acquire_lock(path)
    if descriptor is None:
        with contextlib.suppress(OSError):
            raise AlreadyRunning(f"a runner (process {path.read_text().strip()}) already serves {data}: use that one, "
                                 "stop it first, or set DATA_DIR to another folder")
        raise AlreadyRunning(f"another runner already serves {data}")
    return descriptor


def owner_lock_path(data: Path, owner: str) -> Path:
    """Return the lock file of an owner."""
    return data / "owners" / f"{owner.replace(':', '-').replace('/', '-')}.lock"


def owner_is_dead(data: Path, owner: str) -> bool:
    """Return whether an owner on this host has exited, including its child; False for owners on other hosts.

    Owners on other hosts are detected by their leases. A runner on this host with another data folder has no lock file
    here; its process is checked instead.
    """
    if owner_device(owner).partition("/")[0] != socket.gethostname():
        return False
    path = owner_lock_path(data, owner)
    if not path.exists():
        return not _is_same_process(owner)
    descriptor = acquire_lock(path)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def remove_stale_locks(data: Path, claim_owners: Collection[str]) -> int:
    """Remove the lock files of exited owners that hold no claim; return the count."""
    in_use = {owner_lock_path(data, owner).name for owner in claim_owners}
    removed = 0
    for path in sorted((data / "owners").glob("*.lock")):
        descriptor = acquire_lock(path) if path.name not in in_use else None
        if descriptor is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            removed += 1
    return removed


def _is_same_process(owner: str) -> bool:
    """Return whether the owner's process still runs, and is not a later process with the same PID."""
    _, pid, nanoseconds = owner.rsplit(":", 2)
    try:
        return bool(psutil.Process(int(pid)).create_time() <= int(nanoseconds) / 1e9 + 1.0)
    except (psutil.Error, ValueError):
        return False
