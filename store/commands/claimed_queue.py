"""A table of requests that people make on pages and a runner's process executes, one at a time.

Not part of the event log. The process claims a request, and its writes carry the attempt number, so that a process that
lost its claim cannot write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, delete, func, select, update

from store.database import Store
from store.timestamps import utc_now

WAITING, ANSWERING, DONE, FAILED = "waiting", "answering", "done", "failed"
MAX_ATTEMPTS = 2
"""A request fails after this many attempts in which its process was killed."""


@dataclass(frozen=True)
class ClaimedQueue:
    """The requests of one table: with `id`, `state`, `owner`, `attempts`, `error` and `ended_at`."""

    table: Table
    result: str
    """The column of what was done so far, which a repeated attempt begins anew."""

    def is_waiting(self, store: Store) -> bool:
        """Whether any request is waiting."""
        with store.read() as connection:
            return connection.execute(self._first()).scalar() is not None

    def claim_next(self, store: Store, owner: str) -> Row[Any] | None:
        """Claim the request that has waited longest, and return its row; None if none is waiting."""
        if not self.is_waiting(store):  # polling an empty queue takes no write lock
            return None
        with store.write() as connection:
            found = connection.execute(self._first()).scalar()
            if found is None:
                return None
            return connection.execute(update(self.table).where(self.table.c.id == found).values(
                {"state": ANSWERING, "owner": owner, "attempts": self.table.c.attempts + 1, self.result: None}
            ).returning(self.table)).one()

    def change(self, store: Store, number: int, attempt: int, **values: object) -> bool:
        """Write to a claimed request; False if this attempt no longer holds it."""
        return self._update(store, and_(self.table.c.id == number, self.table.c.state == ANSWERING,
                                        self.table.c.attempts == attempt), values)

    def finish(self, store: Store, number: int, attempt: int, **values: object) -> bool:
        """Mark a claimed request as done; False if this attempt no longer holds it."""
        return self.change(store, number, attempt, **values, state=DONE, ended_at=utc_now())

    def fail(self, store: Store, number: int, attempt: int, reason: str) -> bool:
        """Mark a claimed request as failed; what was done so far stays. False if this attempt no longer holds it."""
        return self.change(store, number, attempt, state=FAILED, error=reason, ended_at=utc_now())

    def requeue(self, store: Store, owner: str) -> None:
        """Queue again what an owner that was asked to stop had claimed; the attempt does not count."""
        self._update(store, self._held_by(owner), {"state": WAITING, "owner": None, self.result: None,
                                                   "attempts": self.table.c.attempts - 1})

    def fail_or_retry(self, store: Store, owner: str, reason: str) -> None:
        """Handle the exit of an owner's process: queue its request again, or fail it after MAX_ATTEMPTS.

        If the process exited before it claimed a request, the attempt is charged to the first waiting one; otherwise a
        process that always crashes at the start would be restarted for ever.
        """
        with store.write() as connection:
            row = connection.execute(select(self.table).where(self._held_by(owner))).first() or connection.execute(
                select(self.table).where(self.table.c.id == self._first().scalar_subquery())).first()
            if row is None:
                return
            attempts = row.attempts + (row.state == WAITING)
            values = ({"state": FAILED, "error": f"{reason}, {attempts} times", "ended_at": utc_now()}
                      if attempts >= MAX_ATTEMPTS else {"state": WAITING, self.result: None})
            connection.execute(update(self.table).where(self.table.c.id == row.id).values(
                values | {"owner": None, "attempts": attempts}))

    def owners(self, store: Store) -> Sequence[str]:
        """Return the owners that hold a request now."""
        with store.read() as connection:
            return connection.execute(select(self.table.c.owner).where(
                self.table.c.state == ANSWERING, self.table.c.owner.is_not(None)).distinct()).scalars().all()

    def waiting(self, connection: Connection) -> int:
        """Count the requests that wait."""
        return connection.execute(select(func.count()).where(self.table.c.state == WAITING)).scalar_one()

    def prune(self, connection: Connection, up_to: int) -> None:
        """Delete the ended requests up to a number."""
        connection.execute(delete(self.table).where(self.table.c.id <= up_to, self.table.c.state.in_((DONE, FAILED))))

    def _first(self) -> Select[tuple[int]]:
        return select(self.table.c.id).where(self.table.c.state == WAITING).order_by(self.table.c.id).limit(1)

    def _held_by(self, owner: str) -> ColumnElement[bool]:
        return and_(self.table.c.state == ANSWERING, self.table.c.owner == owner)

    def _update(self, store: Store, which: ColumnElement[bool], values: dict[str, object]) -> bool:
        with store.write() as connection:
            return connection.execute(update(self.table).where(which).values(values)).rowcount > 0
