"""A fair (FIFO) write lock among processes, taken before SQLite's own write lock, which has no queue.

SQLite's waiting writers poll, so next to busy ones a writer can wait for seconds. Here a writer takes a lock file
first: the kernel wakes waiting processes as soon as it is free, in order. Fairness only, not safety: where this lock
cannot be taken, SQLite's own lock still decides.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO

from store import file_locks

LOCK_TIMEOUT_SECONDS = 30.0


class FairWriteLock:
    """The write lock of one database file, fair among processes. Threads of one process need a lock of their own."""

    def __init__(self, database: Path) -> None:
        self._paths = [database.with_name(f"{database.name}-{name}") for name in ("door", "turn")]
        self._files: list[BinaryIO] = []
        self._door = self._main = -1

    def acquire(self) -> bool:
        """Wait for the lock; False if it could not be taken in time, or if this platform has no such locks.

        A second lock ("door") makes the queue FIFO: waiters hold or queue at the door, so a writer that has just
        released re-queues behind them.
        """
        if not file_locks.AVAILABLE:  # SQLite's own polling remains
            return False
        try:
            if not self._files:
                self._open()
        except OSError:
            return False
        if not _flock(self._door):
            return False
        acquired = _flock(self._main)
        file_locks.unlock(self._door)
        return acquired

    def release(self) -> None:
        """Release the lock."""
        file_locks.unlock(self._main)

    def close(self) -> None:
        """Close the lock files; `acquire` opens them again."""
        while self._files:
            self._files.pop().close()

    def _open(self) -> None:
        self._files = [path.open("ab") for path in self._paths]
        self._door, self._main = (file.fileno() for file in self._files)


def _flock(descriptor: int) -> bool:
    return file_locks.try_lock(descriptor) or _wait(descriptor)


def _wait(descriptor: int) -> bool:
    """Wait for a held lock with a timeout: `flock` has none, so a thread waits in the kernel's queue.

    The holder may be a suspended process, which must not block others for ever.
    """
    waiter = _QueuedWaiter(os.dup(descriptor))  # the same lock; the thread may outlive the original descriptor
    threading.Thread(target=waiter.wait, daemon=True).start()
    waiter.reached.wait(LOCK_TIMEOUT_SECONDS)
    return waiter.cancel()


class _QueuedWaiter:
    """Waits in the kernel's queue for a lock, and gives the lock up if it arrives after `cancel`."""

    def __init__(self, descriptor: int) -> None:
        self.reached = threading.Event()
        self._descriptor = descriptor
        self._cancelled = False
        self._mutex = threading.Lock()

    def wait(self) -> None:
        """Wait for the lock; release it at once if the caller has cancelled meanwhile."""
        file_locks.wait_for_lock(self._descriptor)
        with self._mutex:
            self.reached.set()
            if self._cancelled:
                file_locks.unlock(self._descriptor)
            os.close(self._descriptor)

    def cancel(self) -> bool:
        """Stop waiting; return whether the lock was acquired."""
        with self._mutex:
            self._cancelled = not self.reached.is_set()
            return self.reached.is_set()
