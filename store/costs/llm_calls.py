"""Receipts of calls to teachers and judges: a reply is here before it is used, so a restart pays nothing for it.

Knows texts and token counts; what a call was about is its caller's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite

from store.database import Store
from store.schema import teacher_calls
from store.timestamps import utc_now


@dataclass(frozen=True)
class LLMCall:
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
class UsageTotals:
    """What a run has paid for, restarts included."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    unmetered: int
    """Calls whose tokens the server did not count; they add nothing to the sums."""

    def __add__(self, other: UsageTotals) -> UsageTotals:
        return UsageTotals(self.calls + other.calls, self.prompt_tokens + other.prompt_tokens,
                           self.completion_tokens + other.completion_tokens, self.unmetered + other.unmetered)


def call_key(model: str, prompt: str, parameters: Mapping[str, Any], item: str) -> str:
    """The name of a call (64 hex digits): equal calls have equal names, on every machine.

    Args:
        parameters: JSON values only; their order does not count.
        item: tells apart calls that are equal otherwise, such as a second try.
    """
    parts = json.dumps([model, prompt, parameters, item], sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(parts.encode()).hexdigest()


def find_call(store: Store, key: str) -> LLMCall | None:
    """The receipt of a call, or None where it has not been made."""
    columns = [teacher_calls.c[name] for name in LLMCall.__dataclass_fields__]
    with store.read() as connection:
        row = connection.execute(select(*columns).where(teacher_calls.c.key == key)).one_or_none()
    return LLMCall(**row._mapping) if row else None


def record_call(store: Store, receipt: LLMCall) -> LLMCall:
    """Keep a receipt; on disk when this returns. Returns the one that counts: the first of its key."""
    with store.write() as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(teacher_calls).values(**asdict(receipt), at=utc_now())
        kept = connection.execute(statement.on_conflict_do_nothing(index_elements=["key"])).rowcount
    return receipt if kept == 1 else find_call(store, receipt.key) or receipt


JUDGE_PURPOSE = "judge "
"""What the purpose of a judge's receipt begins with; a teacher's never does."""
PLAYGROUND_PURPOSE = "asked "
"""What the purpose of a receipt begins with whose call a person's question was; its number follows."""

_CALLS = teacher_calls.c
_METERED = _CALLS.prompt_tokens.is_not(None) & _CALLS.completion_tokens.is_not(None)
_SUMS = (func.count(), func.coalesce(func.sum(_CALLS.prompt_tokens), 0),
         func.coalesce(func.sum(_CALLS.completion_tokens), 0), func.count().filter(_METERED))


def playground_purpose(number: int, purpose: str = "") -> str:
    """The purpose of a call that a person's question made."""
    return f"{PLAYGROUND_PURPOSE}{number} {purpose}"


def run_usage(store: Store, run: str, judging: bool = False) -> UsageTotals:
    """The sums over a run's receipts: of its teacher, or of its judge; never of people's questions."""
    of_judge, of_person = _CALLS.purpose.startswith(JUDGE_PURPOSE), _CALLS.purpose.startswith(PLAYGROUND_PURPOSE)
    return _totals(store, _CALLS.run == run, of_judge if judging else ~of_judge & ~of_person)


def playground_usage(store: Store, run: str) -> UsageTotals:
    """The sums over what people asked the run's teacher."""
    return _totals(store, _CALLS.run == run, _CALLS.purpose.startswith(PLAYGROUND_PURPOSE))


def playground_question_usage(store: Store, number: int) -> UsageTotals:
    """What one question of a person took, attempts that were broken off included."""
    return _totals(store, _CALLS.purpose.startswith(playground_purpose(number)))


def playground_usage_by_model(store: Store, since: str) -> dict[str, UsageTotals]:
    """The sums over what people asked any teacher since a moment, by the teacher's model."""
    with store.read() as connection:
        rows = connection.execute(select(_CALLS.model, *_SUMS).where(
            _CALLS.purpose.startswith(PLAYGROUND_PURPOSE), _CALLS.at >= since).group_by(_CALLS.model)).all()
    return {model: _of(sums) for model, *sums in rows}


def _totals(store: Store, *which: ColumnElement[bool]) -> UsageTotals:
    with store.read() as connection:
        return _of(connection.execute(select(*_SUMS).where(*which)).one())


def _of(sums: Sequence[int]) -> UsageTotals:
    calls, prompt, completion, metered = sums
    return UsageTotals(calls=calls, prompt_tokens=prompt, completion_tokens=completion, unmetered=calls - metered)
