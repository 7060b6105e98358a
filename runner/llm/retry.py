"""A chat that waits as the server says, within bounds, and limits how many calls run at once.

These are the short waits inside a stage; what outlasts them is raised, for the recovery table.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.llm.backoff import backoff
from runner.llm.chat import Chat, ChatRequest, Completion
from runner.llm.errors import EndpointUnavailable, RateLimited, ReplyError
from runner.llm.rate_limit import CircuitBreaker, RateLimitGate


@dataclass(frozen=True)
class RetryPolicy:
    """How long, and how often."""

    total_seconds: float = 90.0
    """The longest that one call may take, its waits and repetitions together; no wait begins that would end later."""
    first_seconds: float = 0.5
    max_seconds: float = 20.0
    """The longest single wait of our own choosing; what a server asks for may be longer."""
    failures: int = 5
    """So many failures in a row, over all calls, mean that the endpoint is dead."""
    rest_seconds: float = 15.0
    concurrency: int = 4


@dataclass
class Clock:
    """Where time and chance come from; tests put their own here."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)


class RetryingChat:
    """Repeats calls that a limit or a failing endpoint turned away. Safe to use from several threads."""

    def __init__(self, chat: Chat, patience: RetryPolicy, pace: RateLimitGate, time: Clock,
                 on_wait: Callable[[float, Exception], None]) -> None:
        self._chat = chat
        self._patience = patience
        self._pace = pace
        self._time = time
        self._on_wait = on_wait
        self._circuit = CircuitBreaker(patience.failures, patience.rest_seconds, time.clock)
        self._places = threading.BoundedSemaphore(patience.concurrency)

    def complete(self, request: ChatRequest) -> Completion:
        """The completion, after as many waits as patience allows.

        Raises:
            RateLimited: the server wants a longer wait than patience allows.
            EndpointUnavailable: patience is at its end, or the endpoint failed too often in a row.
            TeacherError: whatever else the call raises, at once.
        """
        until = self._time.clock() + self._patience.total_seconds
        attempt = 0
        while True:
            self._wait_for_rate_limit(until)
            try:
                return self._once(request)
            except RateLimited as error:
                self._pace.hold(self._after_limit(error, attempt))
                self._wait_for_rate_limit(until, error)
            except EndpointUnavailable as error:
                if self._circuit.is_open:
                    raise
                self._wait(self._own_wait(attempt), until, error)
            attempt += 1

    def _once(self, request: ChatRequest) -> Completion:
        """One call, in one of the places; its outcome moves the circuit."""
        with self._places:
            self._circuit.check()
            try:
                completion = self._chat.complete(request)
            except EndpointUnavailable as error:
                self._circuit.failed(str(error))
                raise
            except (RateLimited, ReplyError):
                self._circuit.succeeded()  # an endpoint that refuses is not dead
                raise
            self._circuit.succeeded()
            return completion

    def _wait_for_rate_limit(self, until: float, error: RateLimited | None = None) -> None:
        """Wait while the pace is held; others may hold it longer meanwhile."""
        while (held := self._pace.remaining()) > 0:
            # Everybody waits for the same moment: spread out what comes after it.
            seconds = held + self._time.chance.uniform(0, min(1.0, held / 4))
            limited = error or RateLimited(f"the endpoint's limit is used up for {held:.0f} s: "
                                           "wait and retry, or ask for fewer questions", held)
            limited.wait_seconds = held
            self._wait(seconds, until, limited)

    def _after_limit(self, error: RateLimited, attempt: int) -> float:
        return self._own_wait(attempt + 1) if error.wait_seconds is None else error.wait_seconds

    def _own_wait(self, attempt: int) -> float:
        return backoff(attempt, self._patience.first_seconds, self._patience.max_seconds, self._time.chance)

    def _wait(self, seconds: float, until: float, error: RateLimited | EndpointUnavailable) -> None:
        if self._time.clock() + seconds > until:
            raise error
        self._on_wait(seconds, error)
        self._time.sleep(seconds)
