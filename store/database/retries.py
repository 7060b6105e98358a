"""Write again what a failing store did not confirm."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

T = TypeVar("T")
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 1.0


def retried(write: Callable[[bool], T], seconds: float) -> T:
    """Return what `write` returns, retrying with backoff for so many seconds while the store fails.

    Args:
        write: is told whether an earlier attempt failed: that one may have been committed all the same.

    Raises:
        OperationalError, InterfaceError: the store failed for longer.
    """
    ambiguous, deadline, wait = False, 0.0, FIRST_WAIT_SECONDS
    while True:
        try:
            return write(ambiguous)
        except (OperationalError, InterfaceError):
            ambiguous = True
            deadline = deadline or time.monotonic() + seconds
            if time.monotonic() >= deadline:
                raise
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
