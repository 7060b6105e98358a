"""Questions that people put to a run's students outside of any run: asked on a page, answered by a runner.

Coordination and no record: nothing of it is an event, counts in a score or is kept for long. A question is claimed by
the process that answers it, and what that process writes carries its attempt, so one that was given up cannot write.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select, update

from store.commands.runs import CommandRefused
from store.database import Store
from store.formatting import money, plural
from store.permissions import Role, require_permission
from store.schema import asked, cycles, runs
from store.timestamps import utc_now

MAX_QUESTION_LENGTH = 1000
MAX_STORED_QUESTIONS = 300
"""So many of the newest questions are kept."""
MAX_WAITING = 20
MAX_ATTEMPTS = 2
"""A question whose process was killed is answered once more, and then failed."""
WAITING, ANSWERING, DONE, FAILED = "waiting", "answering", "done", "failed"
UNTRAINED = 0
"""The cycle of a question that only the untrained student is to answer."""


@dataclass(frozen=True)
class Usage:
    """What a question to a paid teacher came to."""

    model: str
    calls: int
    """Calls that were made and paid for; 0 where none was."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At list prices; None where the price is not known, or the server did not count."""

    def sentence(self) -> str:
        """The bill as people read it; the model's name is somebody's text."""
        if not self.calls:
            return f"{self.model}, no call was made."
        by = "" if self.cost_usd is None else " at list prices"
        return (f"{self.model}, {plural(self.calls, 'call')}, {self.prompt_tokens:,} tokens in and "
                f"{self.completion_tokens:,} out, {money(self.cost_usd)}{by}.")


@dataclass(frozen=True)
class ArmAnswer:
    """What one arm has said so far; or why it says nothing."""

    arm: str
    text: str = ""
    finished: bool = False
    silent: str = ""
    bill: Usage | None = None
    """Of an arm that is paid for, once it was asked."""


def parse_answers(words: str | None) -> tuple[ArmAnswer, ...]:
    """What the arms have said, as it was written down."""
    return tuple(ArmAnswer(**one | {"bill": Usage(**one["bill"]) if one.get("bill") else None})
                 for one in json.loads(words or "[]"))


@dataclass(frozen=True)
class Claimed:
    """A question in the hands of one process."""

    id: int
    attempt: int
    run: str
    cycle: int
    question: str
    with_teacher: bool


def ask(store: Store, run: str, cycle: int, question: str, asked_by: str, token: str, role: Role = Role.OPERATOR,
        with_teacher: bool = False) -> int:
    """Put a question; returns its id. The same token again is the same question.

    Raises:
        PermissionDenied: the role may not ask.
        CommandRefused: an empty or too long question, no such run, no adapter of that cycle, too many that wait.
    """
    require_permission(role, "ask")
    question = question.strip()
    if not 0 < len(question) <= MAX_QUESTION_LENGTH:
        raise CommandRefused(f"a question has 1 to {MAX_QUESTION_LENGTH} characters, this one has {len(question)}")
    with store.write() as connection:
        known: int | None = connection.execute(select(asked.c.id).where(asked.c.token == token)).scalar()
        if known is not None:
            return known
        _check_answerable(connection, run, cycle)
        made = connection.execute(insert(asked).values(
            token=token, run=run, cycle=cycle, question=question, asked_by=asked_by, asked_at=utc_now(), state=WAITING,
            with_teacher=with_teacher, attempts=0).returning(asked.c.id)).scalar_one()
        connection.execute(delete(asked).where(asked.c.id <= made - MAX_STORED_QUESTIONS,
                                               asked.c.state.in_((DONE, FAILED))))
    return int(made)


def _check_answerable(connection: Connection, run: str, cycle: int) -> None:
    if connection.execute(select(runs.c.id).where(runs.c.id == run)).scalar() is None:
        raise CommandRefused(f"no run {run!r}: list them with 'python -m runner status'")
    trained = connection.execute(select(cycles.c.adapter).where(cycles.c.run == run, cycles.c.cycle == cycle)).scalar()
    if cycle != UNTRAINED and not trained:
        raise CommandRefused(f"run {run} has no adapter of cycle {cycle}: only the untrained student can answer, "
                             f"which is asked for with cycle {UNTRAINED}")
    waiting = connection.execute(select(func.count()).where(asked.c.state == WAITING)).scalar_one()
    if waiting >= MAX_WAITING:
        raise CommandRefused(f"{waiting} questions wait already: ask again when some of them are answered")


def is_waiting(store: Store) -> bool:
    """Whether a question waits for somebody to answer it."""
    with store.read() as connection:
        return connection.execute(_first()).scalar() is not None


def claim_next(store: Store, owner: str) -> Claimed | None:
    """Take the question that has waited longest; None if none waits."""
    if not is_waiting(store):  # a look around with nothing to find takes no lock
        return None
    with store.write() as connection:
        found = connection.execute(_first()).scalar()
        if found is None:
            return None
        row = connection.execute(update(asked).where(asked.c.id == found).values(
            state=ANSWERING, owner=owner, attempts=asked.c.attempts + 1, said=None).returning(asked)).one()
    return Claimed(row.id, row.attempts, row.run, row.cycle, row.question, row.with_teacher)


def write(store: Store, claimed: Claimed, said: Sequence[ArmAnswer]) -> bool:
    """What was said so far; False when the question is in other hands by now."""
    return _change(store, _owned(claimed), said=json.dumps([asdict(one) for one in said]))


def finish(store: Store, claimed: Claimed, said: Sequence[ArmAnswer]) -> bool:
    return _change(store, _owned(claimed), said=json.dumps([asdict(one) for one in said]), state=DONE,
                   ended_at=utc_now())


def fail(store: Store, claimed: Claimed, reason: str) -> bool:
    """End a question that cannot be answered; what was said before stays."""
    return _change(store, _owned(claimed), state=FAILED, error=reason, ended_at=utc_now())


def requeue(store: Store, owner: str) -> None:
    """The owner was told to stop: what it was answering waits again, and the attempt counts for nothing."""
    _change(store, and_(asked.c.state == ANSWERING, asked.c.owner == owner), state=WAITING, owner=None,
            said=None, attempts=asked.c.attempts - 1)


def fail_or_retry(store: Store, owner: str, reason: str) -> None:
    """The process that answered for `owner` died: its question waits again, or has failed if it had its attempts.

    A process that died before it took a question would die again and again: then the first that waits pays for it.
    """
    with store.write() as connection:
        row = connection.execute(select(asked).where(asked.c.state == ANSWERING, asked.c.owner == owner)).first()
        row = row or connection.execute(select(asked).where(asked.c.id == _first().scalar_subquery())).first()
        if row is None:
            return
        attempts = row.attempts + (row.state == WAITING)
        values = ({"state": FAILED, "error": f"{reason}, {attempts} times", "ended_at": utc_now()}
                  if attempts >= MAX_ATTEMPTS else {"state": WAITING, "said": None})
        connection.execute(update(asked).where(asked.c.id == row.id).values(owner=None, attempts=attempts, **values))


def owners(store: Store) -> list[str]:
    """Whoever is answering a question now."""
    with store.read() as connection:
        return list(connection.execute(select(asked.c.owner).where(
            asked.c.state == ANSWERING, asked.c.owner.is_not(None)).distinct()).scalars())


def _first() -> Select[tuple[int]]:
    return select(asked.c.id).where(asked.c.state == WAITING).order_by(asked.c.id).limit(1)


def _owned(claimed: Claimed) -> ColumnElement[bool]:
    return and_(asked.c.id == claimed.id, asked.c.state == ANSWERING, asked.c.attempts == claimed.attempt)


def _change(store: Store, which: ColumnElement[bool], **values: object) -> bool:
    with store.write() as connection:
        return connection.execute(update(asked).where(which).values(**values)).rowcount > 0
