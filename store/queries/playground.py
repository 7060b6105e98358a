"""Query playground questions and their answers so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from store import schema
from store.commands.claimed_queue import ANSWERING, WAITING
from store.commands.playground import ArmAnswer, Usage, parse_answers
from store.database import Store
from store.event_log.lease_expiry import held_now
from store.queries.row_mapping import values_of

_FIELDS = ("id", "run", "cycle", "question", "with_teacher", "asked_by", "asked_at", "state", "error", "said",
           "ended_at", "attempts")


@dataclass(frozen=True)
class PlaygroundQuestion:
    """One playground question with its answers so far. `cycle` 0: only the untrained student answers."""

    id: int
    run: str
    cycle: int
    question: str
    with_teacher: bool
    asked_by: str
    asked_at: datetime
    state: str
    """waiting, answering, done or failed."""
    error: str | None
    said: tuple[ArmAnswer, ...]
    """The answer of each arm, in the order in which they answer; empty until the first one begins."""
    ended_at: datetime | None
    attempts: int

    @property
    def active(self) -> bool:
        return self.state in (WAITING, ANSWERING)

    @property
    def bill(self) -> Usage | None:
        """Usage and cost of the teacher's answer; None if no paid teacher was asked."""
        return next((said.bill for said in self.said if said.bill), None)


def playground_question(store: Store, number: int) -> PlaygroundQuestion | None:
    """Return one question; None if there is none with this number, or if it has been deleted."""
    with store.read() as connection:
        row = connection.execute(select(*_columns()).where(schema.asked.c.id == number)).first()
    return _asked(row) if row else None


def recent_questions(store: Store, limit: int = 100) -> list[PlaygroundQuestion]:
    """Return the newest questions, newest first."""
    with store.read() as connection:
        rows = connection.execute(select(*_columns()).order_by(schema.asked.c.id.desc()).limit(limit)).all()
    return [_asked(row) for row in rows]


def questions_ahead(store: Store, number: int) -> int:
    """Count the questions that will be answered before this one."""
    table = schema.asked
    with store.read() as connection:
        return connection.execute(select(func.count()).where(
            table.c.id < number, table.c.state.in_((WAITING, ANSWERING)))).scalar_one()


def runs_at_work(store: Store) -> list[str]:
    """Return the runs that a runner is working on now."""
    with store.read() as connection:
        return list(connection.execute(select(schema.claims.c.run).where(
            schema.claims.c.owner.is_not(None), held_now()).order_by(schema.claims.c.run)).scalars())


def _columns() -> list[Any]:
    return [schema.asked.c[name] for name in _FIELDS]


def _asked(row: Row[Any]) -> PlaygroundQuestion:
    values = values_of(row)
    return PlaygroundQuestion(**values | {"said": parse_answers(values["said"])})
