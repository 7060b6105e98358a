"""The only write path: append events and update the read models in one transaction that checks the claim's fence.

`append` returns after the commit, so nothing is reported before it is durable. `append_buffered` is for frequent
metrics: they are buffered briefly and share a commit. Threads that append at the same time share one (group commit).
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select

from store.database import Store
from store.database.retries import retried
from store.event_log.event_rows import (
    PendingEvent, append_without_claim, entries_of, head_for, head_of, missing_entries, read_events, write_entries,
)
from store.events import Event
from store.schema import claims

__all__ = ["Claim", "PendingEvent", "Journal", "LeaseLost", "StopRequested", "append_without_claim", "head_of",
           "read_events"]

BUFFER_SECONDS = 0.25
BUFFER_EVENTS = 100
"""Buffered events are committed when the oldest is older than BUFFER_SECONDS, or when there are this many."""
SERVER_BUFFER_SECONDS = 2.0
"""The same on a server, which a thousand runs may share."""
GROUP_COMMIT_WAIT_SECONDS = 0.0005
"""Group-commit window: how long a commit waits for the threads that shared the last one to append again."""
RETRY_DEADLINE_SECONDS = 20.0
"""How long a failing write is retried; shorter than a lease, so that the claim outlives the retries."""


class LeaseLost(RuntimeError):
    """Another runner has claimed this run; the caller must stop and write nothing more."""


class StopRequested(Exception):
    """The run is to stop; `how` is `cancel` or `pause` (requested by a person), or `hand back` (the runner stops)."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True)
class Claim:
    """The right to write a run's events, valid while owner and fence (a fencing token) match those in the store."""

    run: str
    owner: str
    fence: int
    attempt: int


class _PendingCommit:
    """The events of one call that must be committed together, and the outcome."""

    __slots__ = ("entries", "error", "settled", "waits")

    def __init__(self, entries: list[PendingEvent], waits: bool) -> None:
        self.entries = entries
        self.waits = waits
        """Whether the caller blocks until the commit; false for buffered events."""
        self.settled = False
        self.error: BaseException | None = None


class Journal:
    """Writes one run's events for the holder of its claim. Thread-safe."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store = store
        self.claim = claim
        self._pending: deque[_PendingCommit] = deque()
        self._buffered = 0
        self._buffered_since = 0.0
        self._buffer_seconds = BUFFER_SECONDS if store.is_sqlite else SERVER_BUFFER_SECONDS
        self._mutex = threading.Lock()
        self._committing = False
        """Whether a thread commits now; the others wait for `_committed`."""
        self._committed = threading.Condition(self._mutex)
        self._enough_pending = threading.Condition(self._mutex)
        self._expected_pending = 1
        """How many calls shared the latest commit or came in meanwhile; as many are likely to share the next one."""
        self._stop: str | None = None
        self._local_stop: str | None = None

    def append(self, *appended: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Write events durably, after all events that were buffered before them.

        Raises:
            LeaseLost: the claim is no longer ours; nothing was written.
            UnfitEvent: an event holds NaN or a value that JSON cannot represent; nothing was written.
            SQLAlchemyError: the store failed for longer than RETRY_DEADLINE_SECONDS; whether the last attempt was
                committed is unknown, but either all events were written or none.
        """
        self._commit(_PendingCommit(entries_of(appended, cycle, stage), waits=True))

    def append_buffered(self, event: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Buffer an event, to be written soon in one commit with others.

        Raises:
            LeaseLost: as in `append`.
            StopRequested: a person requested cancel or pause, as seen at the latest commit.
        """
        self._pending.append(_PendingCommit(entries_of((event,), cycle, stage), waits=False))
        self._buffered_since = self._buffered_since if self._buffered else time.monotonic()
        self._buffered += 1
        if self._buffered >= BUFFER_EVENTS or self._is_due():
            self._commit(_PendingCommit([], waits=True))
        self.check_stop()

    def flush(self) -> None:
        """Write buffered events; reads the claim's stop request even if there are none, without a write then.

        Raises:
            LeaseLost: as in `append`.
        """
        if self._pending:
            self._commit(_PendingCommit([], waits=True))
        else:
            self._check_claim()

    def flush_due(self) -> None:
        """Write buffered events if the oldest is old enough, as `flush` does; else read the stop request alone."""
        if self._pending and (not self._buffered or self._is_due()):  # a failed write leaves them without a time
            self.flush()
        else:
            self._check_claim()

    def _is_due(self) -> bool:
        return time.monotonic() - self._buffered_since >= self._buffer_seconds

    def check_stop(self) -> None:
        """Raise StopRequested if a stop was seen at the latest commit, or requested by this process."""
        if how := self._stop or self._local_stop:
            raise StopRequested(how)

    def request_stop(self, how: str) -> None:
        """Stop this process at the next item, as its signal handler does."""
        self._local_stop = how

    def _check_claim(self) -> None:
        with self._store.read() as connection:
            row = connection.execute(select(claims.c.stop_requested).where(
                claims.c.run == self.claim.run, claims.c.owner == self.claim.owner,
                claims.c.fence == self.claim.fence)).one_or_none()
        if row is None:
            raise LeaseLost(f"run {self.claim.run} was taken over by another runner")
        self._stop = row.stop_requested

    def _commit(self, batch: _PendingCommit) -> None:
        """Return once a batch is committed: by this thread with everything pending, or by the one committing now.

        One lock around drain and commit would not share commits: a thread whose batch another one has committed already
        would wait behind the next commit for the lock, instead of appending its next event in time for that one.
        A thread that is interrupted while it waits leaves its batch to the next commit.
        """
        with self._mutex:
            self._pending.append(batch)
            if len(self._pending) >= self._expected_pending:
                self._enough_pending.notify()
            while self._committing and not batch.settled:
                self._committed.wait()
            if not batch.settled:
                self._commit_as_leader()
        if batch.error is not None:
            raise batch.error

    def _commit_as_leader(self) -> None:
        """Commit everything pending; called with the mutex held, and releases it meanwhile."""
        self._committing = True
        try:
            if len(self._pending) < self._expected_pending:
                self._enough_pending.wait(GROUP_COMMIT_WAIT_SECONDS)
            self._mutex.release()
            try:
                self._commit_pending()
            finally:
                self._mutex.acquire()
        finally:
            self._committing = False
            self._committed.notify_all()

    def _commit_pending(self) -> None:
        """Commit everything pending in one transaction; only one thread at a time.

        If it fails, waiting callers get the error, and buffered events stay pending for the next commit.
        """
        batches: list[_PendingCommit] = []
        self._drain_pending(batches)
        written = False
        try:
            retried(partial(self._write_once, batches), RETRY_DEADLINE_SECONDS)
            written = True
        finally:
            self._expected_pending = sum(batch.waits for batch in (*batches, *self._pending))
            for batch in batches:
                batch.settled, batch.error = True, None if written else sys.exception()
            if not written:
                self._pending.extendleft(batch for batch in reversed(batches) if not batch.waits)

    def _drain_pending(self, batches: list[_PendingCommit]) -> None:
        self._buffered = 0
        batches += [self._pending.popleft() for _ in range(len(self._pending))]

    def _write_once(self, batches: list[_PendingCommit], ambiguous: bool) -> None:
        """Write in one transaction the batches, and those that became pending while this thread waited for the lock.

        Entries that the store has already are skipped after an ambiguous failure, and where a batch is pending again.
        """
        claim = self.claim
        with self._store.write() as connection:
            self._drain_pending(batches)
            head = head_for(connection, claim.run, claim.owner, claim.fence)
            if head is None:
                raise LeaseLost(f"run {claim.run} was taken over by another runner (fence {claim.fence} is outdated)")
            entries = [item for batch in batches for item in batch.entries]
            if ambiguous or any(batch.settled for batch in batches):
                entries = missing_entries(connection, claim.run, entries)
            write_entries(connection, claim.run, head.seq, entries)
        self._stop = head.stop_requested
