"""A circuit breaker, which concurrent calls to one endpoint share."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runner.llm.errors import EndpointUnavailable


class CircuitBreaker:
    """Opens after `max_failures` in a row; then lets one call through per cooldown, until one succeeds."""

    def __init__(self, max_failures: int, cooldown_seconds: float, clock: Callable[[], float]) -> None:
        self._max_failures = max_failures
        self._cooldown_seconds = cooldown_seconds
        self._clock = clock
        self._failed = 0
        self._next_try = 0.0
        self._last = ""
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return self._failed >= self._max_failures

    def check(self) -> None:
        """Let a call through, or raise the last failure.

        Raises:
            EndpointUnavailable: the circuit is open and the cooldown has not passed.
        """
        with self._lock:
            if not self.is_open:
                return
            if self._clock() < self._next_try:
                raise EndpointUnavailable(f"{self._last} [{self._failed} failures in a row]")
            self._next_try = self._clock() + self._cooldown_seconds

    def failed(self, message: str) -> None:
        with self._lock:
            self._failed += 1
            self._last = message
            self._next_try = self._clock() + self._cooldown_seconds

    def succeeded(self) -> None:
        with self._lock:
            self._failed = 0
