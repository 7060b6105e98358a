"""Advisory locks on open files: the one place that knows what the platform has.

`flock` is there on Linux, macOS and in WSL. The kernel releases a lock when the last process that has the file open
exits, however it exits.
"""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

AVAILABLE = fcntl is not None
"""Whether there are such locks; without them the functions may not be called."""


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file; False if another one holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def wait_for_lock(descriptor: int) -> None:
    """Take the lock of an open file, waiting in the kernel's queue."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def unlock(descriptor: int) -> None:
    """Release the lock of an open file."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
