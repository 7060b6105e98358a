"""Note what is to be sent to webhooks in the transaction of the event that it is about: both are kept, or neither."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from store import events
from store.events import Recorded
from store.files import sha256_of
from store.schema import runs, webhook_outbox, webhooks
from store.timestamps import utc_now

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
LOST, SHUTDOWN, BUDGET = "lost", "teacher shutdown", "budget reached"


def _finished(connection: Connection, recorded: Recorded, event: Any) -> list[tuple[str, str]]:
    found = [("finished", event.sentence or event.verdict)]
    requested_by = connection.execute(select(runs.c.requested_by).where(runs.c.id == recorded.run)).scalar() or ""
    if requested_by.startswith("schedule "):
        before = connection.execute(
            select(runs.c.verdict).where(runs.c.requested_by == requested_by, runs.c.work == "finished",
                                         runs.c.id != recorded.run)
            .order_by(runs.c.ended_at.desc()).limit(1)).scalar()
        if before and before != event.verdict:
            found.append(("verdict changed", f"{requested_by}: {before} -> {event.verdict}. {event.sentence}"))
    return found


def _failed(connection: Connection, recorded: Recorded, event: Any) -> list[tuple[str, str]]:
    return [("failed", f"{event.message} {event.advice}".strip())]


def _cancelled(connection: Connection, recorded: Recorded, event: Any) -> list[tuple[str, str]]:
    return [("cancelled", event.reason)]


def _paused(connection: Connection, recorded: Recorded, event: Any) -> list[tuple[str, str]]:
    return [("paused", f"{event.reason} {event.advice}".strip())]


_SAYS: dict[type[events.Event], Callable[[Connection, Recorded, Any], list[tuple[str, str]]]] = {
    events.RunFinished: _finished, events.RunFailed: _failed, events.RunCancelled: _cancelled,
    events.RunPaused: _paused,
}
"""Event -> the occasions that it is, each with what is said of it."""
OCCASIONS = ("finished", "verdict changed", "failed", LOST, "paused", "cancelled", BUDGET, SHUTDOWN)
"""What a webhook can be about. `verdict changed`: a schedule's run has another verdict than the one before it. `budget
reached`: a paid call was not made, because the run has cost what it may cost."""


def note_deliveries(connection: Connection, recorded: Sequence[Recorded]) -> None:
    """Note what events are to be sent, in their own transaction, after the read models were updated."""
    for one in recorded:
        if says := _SAYS.get(type(one.event)):
            for occasion, sentence in says(connection, one, one.event):
                note_occasion(connection, occasion, one.run, sentence, f"{one.run} {one.seq}", one.moment)


def note_occasion(connection: Connection, occasion: str, run: str, sentence: str, unique: str,
                  at: str | None = None) -> None:
    """Note something for every webhook that is about it, once.

    Args:
        connection: the transaction of what has happened.
        occasion: one of OCCASIONS.
        run: the run that it is about; empty for none.
        sentence: what is said of it.
        unique: tells it from every other thing of this occasion: noted again, it is still sent once.
        at: when it happened; now by default.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for hook in connection.execute(select(webhooks.c.name, webhooks.c.occasions, webhooks.c.added_at)):
        if occasion in json.loads(hook.occasions):
            identity = sha256_of(f"{hook.name}\n{hook.added_at}\n{occasion}\n{unique}".encode())[:32]
            connection.execute(dialect.insert(webhook_outbox).values(
                id=identity, webhook=hook.name, occasion=occasion, run=run, sentence=sentence, at=at or utc_now(),
                state=PENDING, attempts=0, due_at=time.time()).on_conflict_do_nothing())
