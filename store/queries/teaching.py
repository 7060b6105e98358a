"""What teaching took: which passages were asked about in all runs, and what the teacher used for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from store import schema
from store.database import Store

_USAGE_KEYS = ("teacher_calls", "teacher_tokens", "teacher_cost_usd")


@dataclass(frozen=True)
class AskedPassage:
    """How many questions were asked about one passage, all runs and tiers together."""

    passage_id: str
    topic: str
    questions: int


@dataclass(frozen=True)
class TeacherUsage:
    """What a run's teacher has used so far; `cost_usd` is None where no price is known."""

    calls: int
    tokens: int
    cost_usd: float | None


def asked_passages(store: Store) -> list[AskedPassage]:
    """Every passage that any run asked about, by topic."""
    table = schema.questions
    with store.read() as connection:
        rows = connection.execute(
            select(table.c.topic, table.c.passage_id, func.count().label("questions"))
            .group_by(table.c.topic, table.c.passage_id).order_by(table.c.topic, table.c.passage_id)).all()
    return [AskedPassage(row.passage_id, row.topic, row.questions) for row in rows]


def teacher_usage(store: Store, runs: Sequence[str]) -> dict[str, TeacherUsage]:
    """For each of these runs that paid or called a teacher what it used; the newest totals count."""
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table.c.run, table.c.key, table.c.value)
                                  .where(table.c.run.in_(runs), table.c.key.in_(_USAGE_KEYS))
                                  .order_by(table.c.at)).all()
    newest: dict[str, dict[str, float | None]] = {}
    for row in rows:
        newest.setdefault(row.run, {})[row.key] = row.value
    return {run: TeacherUsage(int(found.get("teacher_calls") or 0), int(found.get("teacher_tokens") or 0),
                              found.get("teacher_cost_usd")) for run, found in newest.items()}
