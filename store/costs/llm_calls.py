"""Durable LLM response cache: responses are stored before use, so a restart never repeats a paid call.

Stores texts and token counts, and sums up usage by the purpose of the calls; knows nothing of their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from store.costs.prices import cost_usd
from store.database import Store
from store.database.retries import retried
from store.schema import teacher_calls
from store.timestamps import utc_now

PAID_CALL_SECONDS = 120.0
"""How long a response that is paid for waits for a failing store."""


@dataclass(frozen=True)
class LLMCall:
    """One call with its response and token usage."""

    key: str
    """`call_key` of the request."""
    run: str
    """The run that paid for it; another run with the same request reuses the response at no cost."""
    model: str
    purpose: str
    response: str
    """The response, in the caller's own encoding."""
    prompt_tokens: int | None
    """None if the server reported no token counts."""
    completion_tokens: int | None
    reasoning_tokens: int | None = None
    """How many of the completion tokens were reasoning; None if the server did not say."""
    batch: str | None = None
    """The batch that brought the response, at its lower price; None for a call of its own."""
    cached_prompt_tokens: int | None = None
    """How many of the prompt tokens the server had cached; None if it did not say."""


@dataclass(frozen=True)
class UsageTotals:
    """Sums over LLM calls; calls before a restart are included."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    unmetered: int
    """Calls for which the server reported no token counts; they add nothing to the token sums."""
    reasoning_tokens: int = 0
    """Those of the completion tokens that the servers reported as reasoning."""
    batch_prompt_tokens: int = 0
    """The part of `prompt_tokens` that has the price of a batch."""
    batch_completion_tokens: int = 0
    cached_prompt_tokens: int = 0
    """The part of `prompt_tokens` that has the price of cached tokens; none of a batch's."""

    def __add__(self, other: UsageTotals) -> UsageTotals:
        return UsageTotals(self.calls + other.calls, self.prompt_tokens + other.prompt_tokens,
                           self.completion_tokens + other.completion_tokens, self.unmetered + other.unmetered,
                           self.reasoning_tokens + other.reasoning_tokens,
                           self.batch_prompt_tokens + other.batch_prompt_tokens,
                           self.batch_completion_tokens + other.batch_completion_tokens,
                           self.cached_prompt_tokens + other.cached_prompt_tokens)


def call_key(model: str, prompt: str, parameters: Mapping[str, Any], item: str) -> str:
    """Return the cache key of a call (64 hex digits); equal calls have equal keys on every machine.

    Args:
        parameters: JSON values only; their order does not matter.
        item: distinguishes calls that are equal otherwise, such as a second attempt.
    """
    parts = json.dumps([model, prompt, parameters, item], sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(parts.encode()).hexdigest()


def find_call(store: Store, key: str) -> LLMCall | None:
    """Return the cached call, or None if it has not been made."""
    columns = [teacher_calls.c[name] for name in LLMCall.__dataclass_fields__]
    with store.read() as connection:
        row = connection.execute(select(*columns).where(teacher_calls.c.key == key)).one_or_none()
    return LLMCall(**row._mapping) if row else None


def record_call(store: Store, call: LLMCall) -> LLMCall:
    """Store a call durably; return the one that counts, which is the first with its key.

    While the store fails, the response waits: it is paid for, and nothing else has it.
    """
    def insert(_ambiguous: bool) -> LLMCall:
        with store.write() as connection:
            inserted = insert_call(connection, call)
        return call if inserted else find_call(store, call.key) or call

    return retried(insert, PAID_CALL_SECONDS)


def insert_call(connection: Connection, call: LLMCall) -> bool:
    """Store a call in the caller's transaction; False where one with its key is stored already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(teacher_calls).values(**asdict(call), at=utc_now())
    inserted = statement.on_conflict_do_nothing(index_elements=["key"]).returning(teacher_calls.c.key)
    return connection.execute(inserted).scalar() is not None


def calls_of_run(store: Store, run: str) -> list[tuple[LLMCall, str]]:
    """Return a run's calls to its teacher and judge in the order of their times, each with its time; nothing asked or
    compared afterwards."""
    columns = [teacher_calls.c[name] for name in LLMCall.__dataclass_fields__]
    later = or_(*map(_CALLS.purpose.startswith, (PLAYGROUND_PURPOSE, COMPARISON_PURPOSE)))
    with store.read() as connection:
        rows = connection.execute(select(_CALLS.at, *columns).where(_CALLS.run == run, ~later)
                                  .order_by(_CALLS.at, _CALLS.key)).all()
    return [(LLMCall(**{name: value for name, value in row._mapping.items() if name != "at"}), row.at) for row in rows]


def cost_of(model: str, totals: UsageTotals) -> float | None:
    """The cost of calls in USD, those of batches at their own price; None where a price is not known.

    Unmetered calls are left out.
    """
    direct = cost_usd(model, totals.prompt_tokens - totals.batch_prompt_tokens,
                      totals.completion_tokens - totals.batch_completion_tokens,
                      cached_prompt_tokens=totals.cached_prompt_tokens)
    if not totals.batch_prompt_tokens and not totals.batch_completion_tokens:
        return direct
    batched = cost_usd(model, totals.batch_prompt_tokens, totals.batch_completion_tokens, batched=True)
    return None if direct is None or batched is None else direct + batched


JUDGE_PURPOSE = "judge "
"""Prefix of the purpose of a judge's calls; a teacher's never starts with it."""
PLAYGROUND_PURPOSE = "asked "
"""Prefix of the purpose of calls for a playground question, followed by the question's number."""
COMPARISON_PURPOSE = "compared "
"""Prefix of the purpose of calls to another teacher that a run's own is compared with; not part of the run's cost."""

_CALLS = teacher_calls.c
_METERED = _CALLS.prompt_tokens.is_not(None) & _CALLS.completion_tokens.is_not(None)
_SUMS = (func.count(), func.coalesce(func.sum(_CALLS.prompt_tokens), 0),
         func.coalesce(func.sum(_CALLS.completion_tokens), 0), func.count().filter(_METERED),
         func.coalesce(func.sum(_CALLS.reasoning_tokens), 0),
         *(func.coalesce(func.sum(column).filter(_CALLS.batch.is_not(None)), 0)
           for column in (_CALLS.prompt_tokens, _CALLS.completion_tokens)),
         func.coalesce(func.sum(_CALLS.cached_prompt_tokens).filter(_CALLS.batch.is_(None)), 0))


def playground_purpose(number: int, purpose: str = "") -> str:
    """Return the purpose of a call made for a playground question."""
    return f"{PLAYGROUND_PURPOSE}{number} {purpose}"


def run_usage(store: Store, run: str, judging: bool = False) -> UsageTotals:
    """Sum up a run's calls to its teacher, or with `judging` to its judge; nothing asked or compared afterwards."""
    with store.read() as connection:
        return run_usage_within(connection, run, judging)


def run_usage_within(connection: Connection, run: str, judging: bool = False) -> UsageTotals:
    """As `run_usage`, inside the caller's transaction."""
    of_judge, *of_others = map(_CALLS.purpose.startswith, (JUDGE_PURPOSE, PLAYGROUND_PURPOSE, COMPARISON_PURPOSE))
    return _of(connection.execute(select(*_SUMS).where(
        _CALLS.run == run, of_judge if judging else ~or_(of_judge, *of_others))).one())


def comparison_usage(store: Store, run: str, model: str) -> UsageTotals:
    """Sum up the calls to a model that a run's teacher is compared with."""
    return _totals(store, _CALLS.run == run, _CALLS.model == model, _CALLS.purpose.startswith(COMPARISON_PURPOSE))


def playground_usage(store: Store, run: str) -> UsageTotals:
    """Sum up the playground's calls to the run's teacher."""
    return _totals(store, _CALLS.run == run, _CALLS.purpose.startswith(PLAYGROUND_PURPOSE))


def playground_question_usage(store: Store, number: int) -> UsageTotals:
    """Sum up the calls for one playground question, including interrupted attempts."""
    return _totals(store, _CALLS.purpose.startswith(playground_purpose(number)))


def playground_usage_by_model(store: Store, since: str) -> dict[str, UsageTotals]:
    """Sum up the playground's calls to any teacher since a time, per model."""
    with store.read() as connection:
        rows = connection.execute(select(_CALLS.model, *_SUMS).where(
            _CALLS.purpose.startswith(PLAYGROUND_PURPOSE), _CALLS.at >= since).group_by(_CALLS.model)).all()
    return {model: _of(sums) for model, *sums in rows}


def _totals(store: Store, *which: ColumnElement[bool]) -> UsageTotals:
    with store.read() as connection:
        return _of(connection.execute(select(*_SUMS).where(*which)).one())


def _of(sums: Sequence[int]) -> UsageTotals:
    calls, prompt, completion, metered, reasoning, batch_prompt, batch_completion, cached = sums
    return UsageTotals(calls, prompt, completion, calls - metered, reasoning, batch_prompt, batch_completion, cached)
