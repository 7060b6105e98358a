"""The one write path: events and what they change, in a single transaction that carries the claim's fence.

`append` returns after the commit; nothing is told to anybody before. `emit` is for numbers that come often:
they wait a moment and share a commit. Threads that append at the same moment share one too.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from store.database import Store
from store.entries import (
    Entry, append_unowned, entry, head_for, head_of, not_written_yet, read_events,
    write_entries,
)
from store.events import Event
from store.schema import claims

__all__ = ["Claim", "Entry", "Journal", "LeaseLost", "StopRequested", "append_unowned", "entry", "head_of",
           "read_events"]

EMIT_SECONDS = 0.25
EMIT_AT_MOST = 100
STORE_PATIENCE_SECONDS = 20.0
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


class _Batch:
    """What one caller wants written together, and how that went."""

    __slots__ = ("entries", "error", "settled", "waits")

    def __init__(self, entries: list[Entry], waits: bool) -> None:
        self.entries = entries
        self.waits = waits
        """Whether the caller waits for the commit; nobody waits for what was emitted."""
        self.settled = False
        self.error: BaseException | None = None


class Journal:
    """Writes one run's events for the holder of its claim. Safe to use from several threads."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store = store
        self.claim = claim
        self._arrived: deque[_Batch] = deque()
        self._emitted = 0
        self._since = 0.0
        self._committing = threading.Lock()
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
        batch = _Batch([entry(event, cycle, stage) for event in happened], waits=True)
        self._arrived.append(batch)
        with self._committing:  # whoever gets here first commits for all who have arrived
            if not batch.settled:
                self._commit_arrived()
        if batch.error is not None:
            raise batch.error

    def emit(self, event: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Write soon, together with others.

        Raises:
            LeaseLost: as in `append`.
            StopRequested: a person asked to cancel or pause, seen at the latest commit.
        """
        self._arrived.append(_Batch([entry(event, cycle, stage)], waits=False))
        self._since = self._since if self._emitted else time.monotonic()
        self._emitted += 1
        if self._emitted >= EMIT_AT_MOST or time.monotonic() - self._since >= EMIT_SECONDS:
            with self._committing:
                self._commit_arrived()
        self.check_stop()

    def flush(self) -> None:
        """Write what waits; learns whether a stop was asked for even when nothing does, without a write."""
        with self._committing:
            if self._arrived:
                self._commit_arrived()
            else:
                self._look()

    def check_stop(self) -> None:
        """Raise StopRequested when a stop was seen, or asked for here."""
        if how := self._stop or self._asked_here:
            raise StopRequested(how)

    def request_stop(self, how: str) -> None:
        """Ask this process to stop at the next item, as a signal handler does."""
        self._asked_here = how

    def _look(self) -> None:
        with self._store.read() as connection:
            row = connection.execute(select(claims.c.stop_requested).where(
                claims.c.run == self.claim.run, claims.c.owner == self.claim.owner,
                claims.c.fence == self.claim.fence)).one_or_none()
        if row is None:
            raise LeaseLost(f"run {self.claim.run} was taken over by another runner")
        self._stop = row.stop_requested

    def _commit_arrived(self) -> None:
        """One transaction for everything that has arrived; called by one thread at a time.

        Where it fails, those who wait learn it, and what was emitted waits for the next one.
        """
        batches = [self._arrived.popleft() for _ in range(len(self._arrived))]
        self._emitted = 0
        written = not batches
        try:
            if batches:
                self._write([item for batch in batches for item in batch.entries],
                            in_doubt=any(batch.settled for batch in batches))
                written = True
        finally:
            for batch in batches:
                batch.settled, batch.error = True, None if written else sys.exception()
            if not written:
                self._arrived.extendleft(batch for batch in reversed(batches) if not batch.waits)

    def _write(self, entries: list[Entry], in_doubt: bool) -> None:
        """Write, and again for a while where the store fails.

        A write that failed may have come through in spite of it: the next one looks, inside its own transaction.
        """
        until, wait = 0.0, 0.05
        while True:
            try:
                self._write_once(entries, in_doubt)
                return
            except (OperationalError, InterfaceError):
                in_doubt = True
                until = until or time.monotonic() + STORE_PATIENCE_SECONDS
                if time.monotonic() >= until:
                    raise
            time.sleep(wait)
            wait = min(2 * wait, 1.0)

    def _write_once(self, entries: Sequence[Entry], in_doubt: bool) -> None:
        claim = self.claim
        with self._store.write() as connection:
            head = head_for(connection, claim.run, claim.owner, claim.fence)
            if head is None:
                raise LeaseLost(f"run {claim.run} was taken over by another runner (fence {claim.fence} is past)")
            if in_doubt:
                entries = not_written_yet(connection, claim.run, entries)
            write_entries(connection, claim.run, head.seq, entries)
        self._stop = head.stop_requested
