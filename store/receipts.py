"""Receipts of calls to teachers and judges: a reply is here before it is used, so a restart pays nothing for it.

Knows texts and token counts; what a call was about is its caller's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from store.clock import utc_now
from store.database import Store
from store.schema import teacher_calls


@dataclass(frozen=True)
class Receipt:
    """One call that was made, and what came back."""

    key: str
    """`call_key` of what was asked."""
    run: str
    """The run that paid for it; another run that asks the same gets the reply for nothing."""
    model: str
    purpose: str
    response: str
    """The reply, in the caller's own encoding."""
    prompt_tokens: int | None
    """None where the server did not count."""
    completion_tokens: int | None


@dataclass(frozen=True)
class Totals:
    """What a run has paid for, restarts included."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    unmetered: int
    """Calls whose tokens the server did not count; they add nothing to the sums."""


def call_key(model: str, prompt: str, parameters: Mapping[str, Any], item: str) -> str:
    """The name of a call (64 hex digits): equal calls have equal names, on every machine.

    Args:
        parameters: JSON values only; their order does not count.
        item: tells apart calls that are equal otherwise, such as a second try.
    """
    parts = json.dumps([model, prompt, parameters, item], sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(parts.encode()).hexdigest()


def find(store: Store, key: str) -> Receipt | None:
    """The receipt of a call, or None where it has not been made."""
    columns = [teacher_calls.c[name] for name in Receipt.__dataclass_fields__]
    with store.read() as connection:
        row = connection.execute(select(*columns).where(teacher_calls.c.key == key)).one_or_none()
    return Receipt(**row._mapping) if row else None


def record(store: Store, receipt: Receipt) -> Receipt:
    """Keep a receipt; on disk when this returns. Returns the one that counts: the first of its key."""
    with store.write() as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(teacher_calls).values(**asdict(receipt), at=utc_now())
        kept = connection.execute(statement.on_conflict_do_nothing(index_elements=["key"])).rowcount
    return receipt if kept == 1 else find(store, receipt.key) or receipt


JUDGING = "judge "
"""What the purpose of a judge's receipt begins with; a teacher's never does."""


def totals(store: Store, run: str, judging: bool = False) -> Totals:
    """The sums over a run's receipts: those of its teacher, or those of its judge."""
    calls = teacher_calls.c
    of_judge = calls.purpose.startswith(JUDGING)
    metered = calls.prompt_tokens.is_not(None) & calls.completion_tokens.is_not(None)
    with store.read() as connection:
        row = connection.execute(
            select(func.count(), func.coalesce(func.sum(calls.prompt_tokens), 0),
                   func.coalesce(func.sum(calls.completion_tokens), 0), func.count().filter(metered))
            .where(calls.run == run, of_judge if judging else ~of_judge)).one()
    return Totals(calls=row[0], prompt_tokens=row[1], completion_tokens=row[2], unmetered=row[0] - row[3])
