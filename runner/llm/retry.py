"""Retry failed chat calls within bounds, and limit how many run at once.

These are the short waits inside a stage; an outage that outlasts them is raised, for the recovery table.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.llm.backoff import backoff, until_text
from runner.llm.chat import Chat, ChatRequest, Completion
from runner.llm.circuit_breaker import CircuitBreaker
from runner.llm.errors import EndpointUnavailable, RateLimited, ReplyError
from runner.llm.rate_limit import RateLimitGate


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of retries, and the concurrency."""

    total_seconds: float = 90.0
    """The longest that one call may take, waits and retries included; no wait starts that would end later."""
    first_seconds: float = 0.5
    max_seconds: float = 20.0
    """The longest single backoff; a wait that the server asks for may be longer."""
    max_failures: int = 5
    """Failures in a row, over all calls, that open the circuit breaker."""
    cooldown_seconds: float = 15.0
    concurrency: int = 4


@dataclass
class Clock:
    """Time and random numbers; tests inject their own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)


class RetryingChat:
    """Retries calls after rate limits and outages. Thread-safe."""

    def __init__(self, chat: Chat, policy: RetryPolicy, gate: RateLimitGate, time: Clock,
                 on_wait: Callable[[float, Exception], None]) -> None:
        self._chat = chat
        self._policy = policy
        self._gate = gate
        self._time = time
        self._on_wait = on_wait
        self._circuit = CircuitBreaker(policy.max_failures, policy.cooldown_seconds, time.clock)
        self._slots = threading.BoundedSemaphore(policy.concurrency)

    def complete(self, request: ChatRequest) -> Completion:
        """The completion, after as many retries as the policy allows.

        Raises:
            RateLimited: the server asks for a longer wait than the policy allows.
            EndpointUnavailable: the time is used up, or the endpoint failed too often in a row.
            TeacherError: whatever else the call raises, at once.
        """
        until = self._time.clock() + self._policy.total_seconds
        attempt = 0
        while True:
            self._wait_for_rate_limit(until)
            try:
                return self._once(request)
            except RateLimited as error:
                self._gate.hold(self._after_limit(error, attempt))
                self._wait_for_rate_limit(until, error)
            except EndpointUnavailable as error:
                if self._circuit.is_open:
                    raise
                self._wait(self._backoff(attempt), until, error)
            attempt += 1

    def _once(self, request: ChatRequest) -> Completion:
        """One call in a concurrency slot; its outcome updates the circuit breaker."""
        with self._slots:
            self._circuit.check()
            try:
                completion = self._chat.complete(request)
            except EndpointUnavailable as error:
                self._circuit.failed(str(error))
                raise
            except (RateLimited, ReplyError):
                self._circuit.succeeded()  # an endpoint that refuses is available
                raise
            self._circuit.succeeded()
            return completion

    def _wait_for_rate_limit(self, until: float, error: RateLimited | None = None) -> None:
        """Wait until the gate opens; other calls may extend it meanwhile."""
        while (held := self._gate.remaining()) > 0:
            # All calls wait for the same moment: spread them out after it.
            seconds = held + self._time.rng.uniform(0, min(1.0, held / 4))
            limited = error or RateLimited(f"the endpoint's limit is used up for {held:.0f} s, {until_text(held)}: "
                                           "wait and retry, or ask for fewer questions", held)
            limited.wait_seconds = held
            self._wait(seconds, until, limited)

    def _after_limit(self, error: RateLimited, attempt: int) -> float:
        """Seconds to wait after a rate limit; one that is over by the server's words, and is not, is waited for too."""
        if error.wait_seconds is None:
            return self._backoff(attempt + 1)
        return max(error.wait_seconds, self._backoff(attempt)) if error.wait_seconds < self._policy.first_seconds else \
            error.wait_seconds

    def _backoff(self, attempt: int) -> float:
        return backoff(attempt, self._policy.first_seconds, self._policy.max_seconds, self._time.rng)

    def _wait(self, seconds: float, until: float, error: RateLimited | EndpointUnavailable) -> None:
        if self._time.clock() + seconds > until:
            raise error
        self._on_wait(seconds, error)
        self._time.sleep(seconds)
