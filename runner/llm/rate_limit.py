"""The not-before time of a rate limit, which concurrent calls to one endpoint share."""

from __future__ import annotations

import threading
from collections.abc import Callable


class RateLimitGate:
    """Shared not-before time: a rate limit hit by one call delays all calls."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._not_before = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Delay all calls by at least this many seconds from now."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def remaining(self) -> float:
        """Seconds until calls are allowed again; 0 when they are."""
        with self._lock:
            return max(0.0, self._not_before - self._clock())
