"""Query how many questions were generated from each passage, and the token usage of teachers and judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from store import schema
from store.database import Store

TEACHER, JUDGE = "teacher", "judge"
_USAGE = ("calls", "tokens", "cost_usd", "reasoning_tokens", "cached_prompt_tokens")


@dataclass(frozen=True)
class AskedPassage:
    """Number of questions generated from one passage, in all runs and tiers together."""

    passage_id: str
    topic: str
    questions: int


@dataclass(frozen=True)
class TeacherUsage:
    """What a run's teacher, or its judge, has used so far; `cost_usd` is None if the price is not known."""

    calls: int
    tokens: int
    cost_usd: float | None
    reasoning_tokens: int = 0
    """Those of the tokens that the server reported as reasoning."""
    cached_prompt_tokens: int = 0
    """Those of the tokens that the server had cached, at their lower price."""


def passage_usage(store: Store) -> list[AskedPassage]:
    """Return every passage that questions were generated from, by topic."""
    table = schema.questions
    with store.read() as connection:
        rows = connection.execute(
            select(table.c.topic, table.c.passage_id, func.count().label("questions"))
            .group_by(table.c.topic, table.c.passage_id).order_by(table.c.topic, table.c.passage_id)).all()
    return [AskedPassage(row.passage_id, row.topic, row.questions) for row in rows]


def teacher_usage(store: Store, runs: Sequence[str], who: str = TEACHER) -> dict[str, TeacherUsage]:
    """Return the usage per run, from its latest logged totals; runs without calls are left out.

    Args:
        who: TEACHER or JUDGE.
    """
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table.c.run, table.c.key, table.c.value)
                                  .where(table.c.run.in_(runs), table.c.key.in_([f"{who}_{what}" for what in _USAGE]))
                                  .order_by(table.c.at)).all()
    newest: dict[str, dict[str, float | None]] = {}
    for row in rows:
        newest.setdefault(row.run, {})[row.key] = row.value
    return {run: _usage(*(found.get(f"{who}_{what}") for what in _USAGE)) for run, found in newest.items()}


def _usage(calls: float | None, tokens: float | None, cost: float | None, reasoning: float | None,
           cached: float | None) -> TeacherUsage:
    return TeacherUsage(int(calls or 0), int(tokens or 0), cost, int(reasoning or 0), int(cached or 0))
