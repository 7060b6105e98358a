"""Query the batches of runs: those that the server still works on, and what became of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from store import schema
from store.database import Store
from store.events import BatchedCall, FailedLine, RunWaitingForBatch
from store.formatting import plural
from store.queries.event_log import events_of_kinds
from store.queries.row_mapping import values_of

WAITING = "waiting-for-batch"
"""The state of a run that waits for a batch."""


@dataclass(frozen=True)
class Batch:
    """The current state of a batch; `ended_at` is None while it may still bring replies."""

    run: str
    batch: str
    role: str
    model: str
    address: str
    path: str
    sha256: str
    state: str
    """`planned`, `sent`, the server's own words, or one of those of `BatchEnded`."""
    calls: tuple[BatchedCall, ...]
    cycle: int | None
    stage: str | None
    server_id: str | None
    planned_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None
    """The latest time at which the server ends it."""
    ended_at: datetime | None
    completed: int
    failed: int
    total: int
    recorded: int
    estimated_cost_usd: float | None
    cost_usd: float | None
    message: str | None
    failures: tuple[FailedLine, ...]

    def sentence(self) -> str:
        """What the server has done of it, and until when it may take, for people."""
        until = f", until {self.expires_at:%Y-%m-%d %H:%M} UTC at the latest" if self.expires_at else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return (f"Batch of {plural(self.total, 'call')} to the {self.role} ({self.state}): {self.completed} completed"
                f"{failed}{until}")


def open_batches(store: Store, run: str | None = None) -> list[Batch]:
    """Return the batches that have not ended, of one run or of all, oldest first."""
    table = schema.batches
    statement = select(table).where(table.c.ended_at.is_(None)).order_by(table.c.planned_at)
    return _read(store, statement.where(table.c.run == run) if run else statement)


def batches_of(store: Store, run: str) -> list[Batch]:
    """Return all batches of a run, oldest first."""
    table = schema.batches
    return _read(store, select(table).where(table.c.run == run).order_by(table.c.planned_at, table.c.batch))


def awaited_batch(store: Store, run: str) -> Batch | None:
    """Return the batch that a run waits for, its own or another run's; None if it waits for none that is there."""
    waits = events_of_kinds(store, run, (RunWaitingForBatch,))
    if not waits:
        return None
    event = waits[-1].event
    assert isinstance(event, RunWaitingForBatch)
    found = _read(store, select(schema.batches).where(schema.batches.c.batch == event.batch))
    return found[0] if found else None


def waiting_runs(store: Store) -> list[str]:
    """Return the runs that wait for a batch."""
    table = schema.runs
    with store.read() as connection:
        return list(connection.execute(select(table.c.id).where(table.c.work == WAITING)
                                       .order_by(table.c.requested_at)).scalars())


def _read(store: Store, statement: Any) -> list[Batch]:
    with store.read() as connection:
        rows: Sequence[Any] = connection.execute(statement).all()
    return [_batch(row) for row in rows]


def _batch(row: Any) -> Batch:
    values = values_of(row, json_fields=("calls", "failures"))
    calls = tuple(BatchedCall(**call) for call in values.pop("calls"))
    failures = tuple(FailedLine(**line) for line in values.pop("failures") or ())
    return Batch(**values, calls=calls, failures=failures)
