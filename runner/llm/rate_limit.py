"""What all concurrent calls to one endpoint share: the moment before which nobody calls, and the circuit."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runner.llm.errors import EndpointUnavailable


class RateLimitGate:
    """A moment that may only move on: a limit that one call met holds for all of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._not_before = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Nobody calls for so long from now."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def remaining(self) -> float:
        """Seconds until calls are allowed again; 0 when they are."""
        with self._lock:
            return max(0.0, self._not_before - self._clock())


class CircuitBreaker:
    """Opens after so many failures in a row; then one call in every `rest_seconds` may try, until one succeeds."""

    def __init__(self, failures: int, rest_seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._rest = rest_seconds
        self._clock = clock
        self._failed = 0
        self._next_try = 0.0
        self._last = ""
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return self._failed >= self._limit

    def check(self) -> None:
        """Pass, or say what the last failure was.

        Raises:
            EndpointUnavailable: the circuit is open, and it is not time to try.
        """
        with self._lock:
            if not self.is_open:
                return
            if self._clock() < self._next_try:
                raise EndpointUnavailable(f"{self._last} [{self._failed} failures in a row]")
            self._next_try = self._clock() + self._rest

    def failed(self, message: str) -> None:
        with self._lock:
            self._failed += 1
            self._last = message
            self._next_try = self._clock() + self._rest

    def succeeded(self) -> None:
        with self._lock:
            self._failed = 0
