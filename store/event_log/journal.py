"""The one write path: events and what they change, in a single transaction that carries the claim's fence.

`append` returns after the commit; nothing is told to anybody before. `append_buffered` is for numbers that come often:
they wait a moment and share a commit. Threads that append at the same moment share one too.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from store.database import Store
from store.event_log.event_rows import (
    PendingEvent, append_without_claim, entries_of, head_for, head_of, missing_entries, read_events, write_entries,
)
from store.events import Event
from store.schema import claims

__all__ = ["Claim", "PendingEvent", "Journal", "LeaseLost", "StopRequested", "append_without_claim", "head_of",
           "read_events"]

EMIT_SECONDS = 0.25
EMIT_AT_MOST = 100
GROUP_COMMIT_WAIT_SECONDS = 0.0005
"""How long a commit waits for those who shared the last one: about what they need to come back with their next."""
RETRY_DEADLINE_SECONDS = 20.0
"""How long a write is tried again while the store fails: shorter than a lease, so that a claim outlives it."""


class LeaseLost(RuntimeError):
    """Another runner has taken this run over; whoever sees this must stop and write nothing more."""


class StopRequested(Exception):
    """The run is to stop: a person asked to `cancel` or `pause`, or its runner was told to `hand back`."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True)
class Claim:
    """The right to write a run's events: owner and fence must still be the ones in the store."""

    run: str
    owner: str
    fence: int
    attempt: int


class _PendingCommit:
    """What one caller wants written together, and how that went."""

    __slots__ = ("call", "entries", "error", "settled", "waits")

    def __init__(self, entries: list[PendingEvent], waits: bool) -> None:
        self.entries = entries
        self.waits = waits
        """Whether the caller waits for the commit; nobody waits for what was emitted."""
        self.settled = False
        self.error: BaseException | None = None
        self.call: threading.Lock | None = None
        """Held while the caller waits behind another thread's commit; let go when it is settled, or is to lead."""


class Journal:
    """Writes one run's events for the holder of its claim. Safe to use from several threads."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store = store
        self.claim = claim
        self._arrived: deque[_PendingCommit] = deque()
        self._emitted = 0
        self._since = 0.0
        self._mutex = threading.Lock()
        self._leader_active = False
        """Whether a thread commits at this moment; the others wait until they are called."""
        self._expected_followers = 1
        """How many waited for the latest commit or came meanwhile; as many are likely to come to the next one."""
        self._awaited: threading.Lock | None = None
        """Held while the one who leads waits for company; let go by the last to come."""
        self._stop: str | None = None
        self._asked_here: str | None = None

    def append(self, *happened: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Write events durably, after whatever was emitted before them.

        Raises:
            LeaseLost: the claim is no longer ours; nothing was written.
            UnfitEvent: an event holds NaN or no JSON value; nothing was written.
            SQLAlchemyError: the store failed for longer than a write is tried again; as things are, nobody knows
                whether the last try came through: all of it is there, or nothing.
        """
        self._commit(_PendingCommit(entries_of(happened, cycle, stage), waits=True))

    def append_buffered(self, event: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Write soon, together with others.

        Raises:
            LeaseLost: as in `append`.
            StopRequested: a person asked to cancel or pause, seen at the latest commit.
        """
        self._arrived.append(_PendingCommit(entries_of((event,), cycle, stage), waits=False))
        self._since = self._since if self._emitted else time.monotonic()
        self._emitted += 1
        if self._emitted >= EMIT_AT_MOST or time.monotonic() - self._since >= EMIT_SECONDS:
            self._commit(_PendingCommit([], waits=True))
        self.check_stop()

    def flush(self) -> None:
        """Write what waits; learns whether a stop was asked for even when nothing does, without a write."""
        if self._arrived:
            self._commit(_PendingCommit([], waits=True))
        else:
            self._check_claim()

    def check_stop(self) -> None:
        """Raise StopRequested when a stop was seen, or asked for here."""
        if how := self._stop or self._asked_here:
            raise StopRequested(how)

    def request_stop(self, how: str) -> None:
        """Ask this process to stop at the next item, as a signal handler does."""
        self._asked_here = how

    def _check_claim(self) -> None:
        with self._store.read() as connection:
            row = connection.execute(select(claims.c.stop_requested).where(
                claims.c.run == self.claim.run, claims.c.owner == self.claim.owner,
                claims.c.fence == self.claim.fence)).one_or_none()
        if row is None:
            raise LeaseLost(f"run {self.claim.run} was taken over by another runner")
        self._stop = row.stop_requested

    def _commit(self, batch: _PendingCommit) -> None:
        """See a batch committed: by this thread for all who have arrived, or by the one that is at it already."""
        with self._mutex:
            self._arrived.append(batch)
            leads, self._leader_active = not self._leader_active, True
            if not leads:
                batch.call = threading.Lock()
                batch.call.acquire()
                if self._awaited and len(self._arrived) >= self._expected_followers:
                    self._awaited.release()
                    self._awaited = None
        if batch.call:
            self._wait(batch)
        if not batch.settled:
            try:
                if self._expected_followers > 1:
                    self._wait_for_followers()
                self._commit_arrived()
            finally:
                self._promote_next_leader()
        if batch.error is not None:
            raise batch.error

    def _wait(self, batch: _PendingCommit) -> None:
        called = False
        try:
            batch.call.acquire()  # type: ignore[union-attr]
            called = True
        finally:
            if not called:  # interrupted: what was told is written all the same, by another
                with self._mutex:
                    was_to_lead = not batch.call.locked() and not batch.settled  # type: ignore[union-attr]
                    batch.call = None
                if was_to_lead:
                    self._promote_next_leader()

    def _wait_for_followers(self) -> None:
        """A moment, so that threads that append without a pause share every commit and not every other one."""
        with self._mutex:
            if len(self._arrived) >= self._expected_followers:
                return
            awaited = self._awaited = threading.Lock()
            awaited.acquire()
        try:
            awaited.acquire(timeout=GROUP_COMMIT_WAIT_SECONDS)
        finally:
            with self._mutex:
                self._awaited = None

    def _promote_next_leader(self) -> None:
        """The next to lead is one who arrived meanwhile, if anybody did."""
        with self._mutex:
            heir = next((batch for batch in tuple(self._arrived) if batch.call), None)  # others emit meanwhile
            if heir is None:
                self._leader_active = False
            else:
                heir.call.release()  # type: ignore[union-attr]

    def _commit_arrived(self) -> None:
        """One transaction for everything that has arrived; called by one thread at a time.

        Where it fails, those who wait learn it, and what was emitted waits for the next one.
        """
        batches: list[_PendingCommit] = []
        self._drain_pending(batches)
        written = False
        try:
            self._write(batches)
            written = True
        finally:
            self._expected_followers = sum(batch.waits for batch in (*batches, *self._arrived))
            for batch in batches:
                batch.settled, batch.error = True, None if written else sys.exception()
                if call := batch.call:
                    call.release()
            if not written:
                self._arrived.extendleft(batch for batch in reversed(batches) if not batch.waits)

    def _drain_pending(self, batches: list[_PendingCommit]) -> None:
        self._emitted = 0
        batches += [self._arrived.popleft() for _ in range(len(self._arrived))]

    def _write(self, batches: list[_PendingCommit]) -> None:
        """Write, and again for a while where the store fails.

        A write that failed may have come through in spite of it: the next one looks, inside its own transaction.
        """
        in_doubt, until, wait = False, 0.0, 0.05
        while True:
            try:
                self._write_once(batches, in_doubt)
                return
            except (OperationalError, InterfaceError):
                in_doubt = True
                until = until or time.monotonic() + RETRY_DEADLINE_SECONDS
                if time.monotonic() >= until:
                    raise
            time.sleep(wait)
            wait = min(2 * wait, 1.0)

    def _write_once(self, batches: list[_PendingCommit], in_doubt: bool) -> None:
        """Whoever arrives while this waits for the store's turn to write comes along."""
        claim = self.claim
        with self._store.write() as connection:
            self._drain_pending(batches)
            head = head_for(connection, claim.run, claim.owner, claim.fence)
            if head is None:
                raise LeaseLost(f"run {claim.run} was taken over by another runner (fence {claim.fence} is past)")
            entries = [item for batch in batches for item in batch.entries]
            if in_doubt or any(batch.settled for batch in batches):
                entries = missing_entries(connection, claim.run, entries)
            write_entries(connection, claim.run, head.seq, entries)
        self._stop = head.stop_requested
