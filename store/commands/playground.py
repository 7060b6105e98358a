"""Queue of playground questions: people ask a run's students on a page, a runner's process answers.

Not part of the event log: playground questions affect no score, and only the latest are stored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, select

from store.commands.claimed_queue import WAITING, ClaimedQueue
from store.commands.runs import CommandRefused
from store.database import Store
from store.formatting import money, plural
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.schema import asked, cycles, runs
from store.timestamps import utc_now

MAX_QUESTION_LENGTH = 1000
MAX_STORED_QUESTIONS = 300
"""Only this many of the newest questions are stored."""
MAX_WAITING = 20
UNTRAINED = 0
"""The cycle of a question for the untrained student only."""
QUEUE = ClaimedQueue(asked, "said")


@dataclass(frozen=True)
class Usage:
    """Token usage and cost of one question to a paid teacher."""

    model: str
    calls: int
    """Calls made and paid for; 0 if there were none."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At list prices; None if the price is not known, or the server reported no token counts."""
    reasoning_tokens: int = 0
    """Those of the completion tokens that the server reported as reasoning."""

    def sentence(self) -> str:
        """Describe the usage for people; the model's name in it is untrusted text."""
        if not self.calls:
            return f"{self.model}, no call was made."
        by = "" if self.cost_usd is None else " at list prices"
        reasoning = f" ({self.reasoning_tokens:,} of them reasoning)" if self.reasoning_tokens else ""
        return (f"{self.model}, {plural(self.calls, 'call')}, {self.prompt_tokens:,} tokens in and "
                f"{self.completion_tokens:,} out{reasoning}, {money(self.cost_usd)}{by}.")


@dataclass(frozen=True)
class ArmAnswer:
    """One arm's answer so far, or why it gives none."""

    arm: str
    text: str = ""
    finished: bool = False
    silent: str = ""
    """Why the arm gives no answer; empty otherwise."""
    bill: Usage | None = None
    """Usage of a paid teacher, once it has been called."""


def parse_answers(stored: str | None) -> tuple[ArmAnswer, ...]:
    """Decode the arms' answers from the JSON in which they are stored."""
    return tuple(ArmAnswer(**one | {"bill": Usage(**one["bill"]) if one.get("bill") else None})
                 for one in json.loads(stored or "[]"))


@dataclass(frozen=True)
class Claimed:
    """A question claimed by one process."""

    id: int
    attempt: int
    run: str
    cycle: int
    question: str
    with_teacher: bool


def ask(store: Store, run: str, cycle: int, question: str, asked_by: str, token: str, role: Role = Role.OPERATOR,
        with_teacher: bool = False) -> int:
    """Queue a question; return its id. Repeating a token returns the same question.

    Raises:
        PermissionDenied: the role may not ask.
        CommandRefused: an empty or too long question, no such run, no adapter of that cycle, queue full.
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
        number = connection.execute(insert(asked).values(
            token=token, run=run, cycle=cycle, question=question, asked_by=asked_by, asked_at=utc_now(), state=WAITING,
            with_teacher=with_teacher, attempts=0).returning(asked.c.id)).scalar_one()
        QUEUE.prune(connection, number - MAX_STORED_QUESTIONS)
    return int(number)


def _check_answerable(connection: Connection, run: str, cycle: int) -> None:
    if connection.execute(select(runs.c.id).where(runs.c.id == run)).scalar() is None:
        raise CommandRefused(f"no run {run!r}: list them with '{NAME} status'")
    trained = connection.execute(select(cycles.c.adapter).where(cycles.c.run == run, cycles.c.cycle == cycle)).scalar()
    if cycle != UNTRAINED and not trained:
        raise CommandRefused(f"run {run} has no adapter of cycle {cycle}: only the untrained student can answer; "
                             f"choose cycle {UNTRAINED} for it")
    if (waiting := QUEUE.waiting(connection)) >= MAX_WAITING:
        raise CommandRefused(f"{waiting} questions wait already: ask again when some of them are answered")


def claim_next(store: Store, owner: str) -> Claimed | None:
    """Claim the question that has waited longest; None if none is waiting."""
    row = QUEUE.claim_next(store, owner)
    return row and Claimed(row.id, row.attempts, row.run, row.cycle, row.question, row.with_teacher)


def write(store: Store, claimed: Claimed, answers: Sequence[ArmAnswer]) -> bool:
    """Store the answers so far; False if this process no longer holds the question."""
    return QUEUE.change(store, claimed.id, claimed.attempt, said=json.dumps([asdict(one) for one in answers]))


def finish(store: Store, claimed: Claimed, answers: Sequence[ArmAnswer]) -> bool:
    """Store the final answers and mark the question done; False if this process no longer holds it."""
    return QUEUE.finish(store, claimed.id, claimed.attempt, said=json.dumps([asdict(one) for one in answers]))


def fail(store: Store, claimed: Claimed, reason: str) -> bool:
    """Mark a question as failed; the answers so far stay. False if this process no longer holds it."""
    return QUEUE.fail(store, claimed.id, claimed.attempt, reason)
