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
import sys
from pathlib import Path


_PR_SET_PDEATHSIG = 1


class AlreadyRunning(RuntimeError):
    """Another runner serves this data folder."""


def hold(path: Path) -> int | None:
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


def hold_as_only_runner(data: Path) -> int:
    """Be the one runner of a data folder.

    Raises:
        AlreadyRunning: another one is; the message names its process.
    """
    path = data / "runner.lock"
    descriptor = hold(path)
    if descriptor is None:
        with contextlib.suppress(OSError):
            raise AlreadyRunning(f"a runner (process {path.read_text().strip()}) already serves {data}: use that one, "
                                 "stop it first, or set DATA_DIR to another folder")
        raise AlreadyRunning(f"another runner already serves {data}")
    return descriptor


def owner_lock(data: Path, owner: str) -> Path:
    """The lock file of one owner."""
    return data / "owners" / f"{owner.replace(':', '-')}.lock"


def is_dead(data: Path, owner: str) -> bool:
    """Whether an owner of this host is gone, its child included. Of another host's owner only its lease can tell."""
    if owner.rsplit(":", 2)[0] != socket.gethostname():
        return False
    path = owner_lock(data, owner)
    if not path.exists():
        return True
    descriptor = hold(path)
    if descriptor is None:
        return False
    os.close(descriptor)
    path.unlink(missing_ok=True)
    return True


def end_with_parent(owner: str) -> None:
    """Die when the runner `owner`, this process's parent, dies; at once if it did before this could be asked for.

    Linux only: elsewhere an orphan works on until it finds that its claim was taken over. The kernel watches the
    parent's *thread* that started the child, so a runner must start workers from a thread that lives as long as it.
    """
    if platform.system() != "Linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(owner.rsplit(":", 2)[1]):
        sys.exit(4)
