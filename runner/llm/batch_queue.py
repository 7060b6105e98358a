"""Collect the calls of a stage that have no stored reply, so that they can be sent together as a batch.

A call that failed in an earlier batch of the run is collected again: without the option that its failure refuses, or
as it was. A failure that no repetition can mend is raised as it would be for a call of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from runner.llm.batch_file import MAX_CALLS, MAX_FILE_BYTES, upper_bound_usd
from runner.llm.chat import ChatRequest
from runner.llm.errors import CallPostponed, CostLimitReached, EndpointUnavailable
from store.events import FailedLine

if TYPE_CHECKING:
    from runner.llm.batch_endpoint import BatchEndpoint

MAX_BATCHES = 3
"""How many batches in a row may end without a reply to a call, before the run fails."""


class BatchQueue:
    """The calls to one model that wait to be sent together. Thread-safe."""

    def __init__(self, role: str, failures: Mapping[str, Sequence[FailedLine | None]]) -> None:
        """`failures` has, for each key, how earlier batches ended for it; None: the call was not made."""
        self.role = role
        self.calls: dict[str, ChatRequest] = {}
        """Requests by their key, in the order in which they were collected."""
        self.estimated_usd: float | None = 0.0
        """Upper bound of their cost; None where the model's batch price is not known."""
        self._endpoint: BatchEndpoint | None = None
        self._failures = failures
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> BatchEndpoint:
        assert self._endpoint is not None, "the chat of this queue was not opened"
        return self._endpoint

    @endpoint.setter
    def endpoint(self, endpoint: BatchEndpoint) -> None:
        self._endpoint = endpoint

    def clear(self) -> None:
        """Forget the collected calls: they were sent, or will be collected anew."""
        with self._lock:
            self.calls.clear()
            self.estimated_usd, self._bytes = 0.0, 0

    def leave_out(self, keys: Collection[str]) -> None:
        """Take out collected calls that are not to be sent."""
        with self._lock:
            self.calls = {key: request for key, request in self.calls.items() if key not in keys}
            costs = [upper_bound_usd(self.endpoint.model, request) for request in self.calls.values()]
            self.estimated_usd = None if None in costs else sum(cost for cost in costs if cost is not None)

    def postpone(self, key: str, request: ChatRequest, left_usd: float | None) -> NoReturn:
        """Collect a call. One that does not fit beside those collected before is left to the next batch.

        Args:
            left_usd: what is left of the run's budget; None for no limit.

        Raises:
            CallPostponed: where nothing else is wrong.
            CostLimitReached: the budget does not allow this call alone.
            TeacherError: the call failed in an earlier batch in a way that no repetition can mend.
        """
        self._raise_lasting_failure(key, request)
        with self._lock:
            if key not in self.calls:
                self._collect(key, request, left_usd)
        raise CallPostponed(f"{request.purpose}: {request.item}")

    def _collect(self, key: str, request: ChatRequest, left_usd: float | None) -> None:
        cost = upper_bound_usd(self.endpoint.model, request)
        total = None if cost is None or self.estimated_usd is None else self.estimated_usd + cost
        if left_usd is not None and total is not None and total > left_usd:
            if not self.calls:
                raise CostLimitReached(f"{max(0.0, left_usd):.4f} USD are left of what the run may cost, and a call in "
                                       f"a batch may cost up to {total:.4f} USD")
            return
        size = len(self.endpoint.line(key, request).encode()) + 1
        if len(self.calls) < MAX_CALLS and self._bytes + size <= MAX_FILE_BYTES:
            self.calls[key] = request
            self.estimated_usd, self._bytes = total, self._bytes + size

    def _raise_lasting_failure(self, key: str, request: ChatRequest) -> None:
        ends = self._failures.get(key, ())
        lines = [line for line in ends if line is not None]
        if lines and (error := self.endpoint.learn_from(request, lines)):
            raise error
        unmade = [line for line in ends if line is None or not _is_settled(line)]
        if len(unmade) >= MAX_BATCHES:
            why = next((line.message for line in reversed(unmade) if line), "the batches ended before it was made")
            failure = EndpointUnavailable(f"{len(unmade)} batches at {self.endpoint.address} brought no reply to "
                                          f"'{request.purpose}: {request.item}' ({why}): retry the run later, or "
                                          "launch it without --teacher-batch")
            failure.retryable = False
            raise failure


def _is_settled(line: FailedLine) -> bool:
    """Whether the call itself was refused, which `learn_from` has judged; all else may pass."""
    return line.status is not None and 400 <= line.status < 500 and line.status not in (408, 409, 429)
