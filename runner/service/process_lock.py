"""How the death of a runner is known, and felt, at once on its own host; no lease has to run out.

A lock file is held for life by the runner and its child: the kernel lets go of it when the last of them ends,
however it ends. And a child asks to be killed with its parent, so that a killed runner leaves no orphan at work.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import psutil

from store.event_log.leases import owner_device

_PR_SET_PDEATHSIG = 1
LOCK_WAIT_SECONDS = 0.1
"""How often a runner that stands by looks whether the other one is still there."""


class AlreadyRunning(RuntimeError):
    """Another runner serves this data folder."""


def acquire_lock(path: Path) -> int | None:
    """Take the lock and keep it until the process ends; returns its descriptor, or None where another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def acquire_runner_lock(data: Path, wait: Callable[[float], bool] | None = None) -> int | None:
    """Be the one runner of a data folder.

    Args:
        wait: for a runner that stands by: called between looks with the seconds until the next; True gives up, and
            None is returned. The kernel lets go of the lock the moment its holder ends, however it ends.

    Raises:
        AlreadyRunning: another one is, and standing by was not asked for; the message names its process.
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
    """The lock file of one owner."""
    return data / "owners" / f"{owner.replace(':', '-').replace('/', '-')}.lock"


def owner_is_dead(data: Path, owner: str) -> bool:
    """Whether an owner of this host is gone, its child included. Of another host's owner only its lease can tell.

    A runner of this host with another data folder on the same store has no lock file here: its process is asked.
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


def remove_stale_locks(data: Path, still_named: Collection[str]) -> int:
    """Remove the lock files of owners that are gone and that no claim names any more; returns how many."""
    named = {owner_lock_path(data, owner).name for owner in still_named}
    gone = 0
    for path in sorted((data / "owners").glob("*.lock")):
        descriptor = acquire_lock(path) if path.name not in named else None
        if descriptor is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            gone += 1
    return gone


def _is_same_process(owner: str) -> bool:
    """Whether the process of this number is the one that named itself so, and not a later one of the same number."""
    _, pid, nanoseconds = owner.rsplit(":", 2)
    try:
        return bool(psutil.Process(int(pid)).create_time() <= int(nanoseconds) / 1e9 + 1.0)
    except (psutil.Error, ValueError):
        return False


def die_with_parent(owner: str) -> None:
    """Die when the runner `owner`, this process's parent, dies; at once if it did before this could be asked for.

    Linux only: elsewhere an orphan works on until it finds that its claim was taken over. The kernel watches the
    parent's *thread* that started the child, so a runner must start workers from a thread that lives as long as it.
    """
    if platform.system() != "Linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(owner.rsplit(":", 2)[1]):
        sys.exit(4)


def terminate_process_group(process: subprocess.Popen[bytes], *signs: tuple[signal.Signals, float]) -> None:
    """Send each signal to a child's process group, until it ends within that signal's seconds."""
    for sign, patience in signs:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return
