"""The one write path: events and what they change, in a single transaction that carries the claim's fence.

`append` returns after the commit; nothing is told to anybody before. `emit` is for numbers that come often:
they wait a moment and share a commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from store.database import Store
from store.events import Event, Recorded, to_json
from store.projections import project, recorded_from
from store.schema import claims, events

EMIT_SECONDS = 0.25
EMIT_AT_MOST = 100


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


@dataclass(frozen=True)
class Entry:
    """An event with its place in the run, ready to be written."""

    event: Event
    cycle: int | None
    stage: str | None
    at: datetime
    payload: str


def entry(event: Event, cycle: int | None = None, stage: str | None = None) -> Entry:
    """Encode now, outside any transaction, so that an unfit event is refused before anything is held."""
    return Entry(event, cycle, stage, datetime.now(UTC), to_json(event))


def write_entries(connection: Connection, run: str, head_seq: int, entries: Sequence[Entry]) -> None:
    """Insert entries as the last of the run (`head_seq` counts them already) and project each."""
    for seq, item in enumerate(entries, start=head_seq - len(entries) + 1):
        row: dict[str, Any] = {"run": run, "seq": seq, "cycle": item.cycle, "stage": item.stage,
                               "kind": type(item.event).__name__, "at": item.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                               "payload": item.payload}
        row_id = connection.execute(insert(events).values(row).returning(events.c.id)).scalar_one()
        project(connection, Recorded(row_id, run, seq, item.cycle, item.stage, item.at, item.event))


def append_unowned(connection: Connection, run: str, *happened: Event) -> None:
    """Append inside the caller's transaction where no runner is involved, such as cancelling a queued run."""
    head = connection.execute(update(claims).where(claims.c.run == run)
                              .values(head_seq=claims.c.head_seq + len(happened))
                              .returning(claims.c.head_seq)).scalar_one()
    write_entries(connection, run, head, [entry(event) for event in happened])


class Journal:
    """Writes one run's events for the holder of its claim. Safe to use from several threads."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store = store
        self.claim = claim
        self._waiting: list[Entry] = []
        self._since = 0.0
        self._lock = threading.RLock()
        self._stop: str | None = None
        self._asked_here: str | None = None

    def append(self, *happened: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Write events durably, after whatever was emitted before them.

        Raises:
            LeaseLost: the claim is no longer ours; nothing was written.
            UnfitEvent: an event holds NaN or no JSON value; nothing was written.
        """
        entries = [entry(event, cycle, stage) for event in happened]
        with self._lock:
            self._write(self._waiting + entries)

    def emit(self, event: Event, cycle: int | None = None, stage: str | None = None) -> None:
        """Write soon, together with others.

        Raises:
            LeaseLost: as in `append`.
            StopRequested: a person asked to cancel or pause, seen at the latest commit.
        """
        item = entry(event, cycle, stage)
        with self._lock:
            self._since = self._since if self._waiting else time.monotonic()
            self._waiting.append(item)
            if len(self._waiting) >= EMIT_AT_MOST or time.monotonic() - self._since >= EMIT_SECONDS:
                self._write(self._waiting)
        self.check_stop()

    def flush(self) -> None:
        """Write what waits; learns whether a stop was asked for even when nothing does, without a write."""
        with self._lock:
            if self._waiting:
                self._write(self._waiting)
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
            row = connection.execute(select(claims.c.stop_requested).where(*self._ours())).one_or_none()
        if row is None:
            raise LeaseLost(f"run {self.claim.run} was taken over by another runner")
        self._stop = row.stop_requested

    def _ours(self) -> tuple[Any, ...]:
        claim = self.claim
        return claims.c.run == claim.run, claims.c.owner == claim.owner, claims.c.fence == claim.fence

    def _write(self, entries: list[Entry]) -> None:
        claim = self.claim
        with self._store.write() as connection:
            row = connection.execute(
                update(claims)
                .where(*self._ours())
                .values(head_seq=claims.c.head_seq + len(entries))
                .returning(claims.c.head_seq, claims.c.stop_requested)).one_or_none()
            if row is None:
                raise LeaseLost(f"run {claim.run} was taken over by another runner (fence {claim.fence} is past)")
            write_entries(connection, claim.run, row.head_seq, entries)
        self._waiting = []
        self._stop = row.stop_requested


def read_events(store: Store, run: str, after_seq: int = 0) -> list[Recorded]:
    """A run's events in order, from beyond a sequence number on."""
    with store.read() as connection:
        rows = connection.execute(select(events).where(events.c.run == run, events.c.seq > after_seq)
                                  .order_by(events.c.seq))
        return [recorded_from(row) for row in rows]


def head_of(store: Store, run: str) -> int:
    """The sequence number of a run's last event; 0 where there is none."""
    with store.read() as connection:
        return connection.execute(select(func.coalesce(func.max(claims.c.head_seq), 0))
                                  .where(claims.c.run == run)).scalar_one()
