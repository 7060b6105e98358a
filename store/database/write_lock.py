"""Whose turn it is to write: a queue in front of SQLite's write lock, which has none.

SQLite's waiting writers look again now and then, so beside busy ones a writer can wait for seconds. Here a writer
takes a lock file first: the kernel wakes the waiting as soon as it is free, and none overtakes who waits for it.
The turn is a courtesy, not what keeps data safe: where it cannot be had, SQLite's own lock still decides.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # no such locks on this platform: SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]

LOCK_TIMEOUT_SECONDS = 30.0


class FairWriteLock:
    """The turn to write to one database file. Not for several threads at once: their process has a lock for that."""

    def __init__(self, database: Path) -> None:
        self._paths = [database.with_name(f"{database.name}-{door}") for door in ("door", "turn")]
        self._files: list[BinaryIO] = []
        self._door = self._turn = -1

    def acquire(self) -> bool:
        """Wait for the turn; False when it could not be had in time, or when there are no such locks here.

        Who waits stands in the doorway, so that the one whose turn has just ended queues up behind.
        """
        if fcntl is None:
            return False
        try:
            if not self._files:
                self._open()
        except OSError:
            return False
        if not _lock(self._door):
            return False
        taken = _lock(self._turn)
        fcntl.flock(self._door, fcntl.LOCK_UN)
        return taken

    def release(self) -> None:
        """The turn is over."""
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock files; `take` opens them again."""
        while self._files:
            self._files.pop().close()

    def _open(self) -> None:
        self._files = [path.open("ab") for path in self._paths]
        self._door, self._turn = (file.fileno() for file in self._files)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return _wait(descriptor)


def _wait(descriptor: int) -> bool:
    """A lock that somebody holds: the kernel's own queue, which knows no time limit, so a thread stands in it.

    A holder can be stopped in the middle of its turn, and nobody should wait for it for ever.
    """
    place = _QueuedWaiter(os.dup(descriptor))  # the same lock; the thread may outlive the descriptor it was asked for
    threading.Thread(target=place.wait, daemon=True).start()
    place.reached.wait(LOCK_TIMEOUT_SECONDS)
    return place.cancel()


class _QueuedWaiter:
    """A place in the kernel's queue for a lock."""

    def __init__(self, descriptor: int) -> None:
        self.reached = threading.Event()
        self._descriptor = descriptor
        self._left = False
        self._deciding = threading.Lock()

    def wait(self) -> None:
        """Wait for the lock; keep it for the one who asked, unless that one has left."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._deciding:
            self.reached.set()
            if self._left:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)

    def cancel(self) -> bool:
        """Wait no longer; whether the lock was got."""
        with self._deciding:
            self._left = not self.reached.is_set()
            return self.reached.is_set()
