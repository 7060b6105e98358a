"""What teaching took: which passages were asked about in all runs, and what the teacher used for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from store import schema
from store.database import Store

TEACHER, JUDGE = "teacher", "judge"
_USAGE = ("calls", "tokens", "cost_usd")


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


def passage_usage(store: Store) -> list[AskedPassage]:
    """Every passage that any run asked about, by topic."""
    table = schema.questions
    with store.read() as connection:
        rows = connection.execute(
            select(table.c.topic, table.c.passage_id, func.count().label("questions"))
            .group_by(table.c.topic, table.c.passage_id).order_by(table.c.topic, table.c.passage_id)).all()
    return [AskedPassage(row.passage_id, row.topic, row.questions) for row in rows]


def teacher_usage(store: Store, runs: Sequence[str], who: str = TEACHER) -> dict[str, TeacherUsage]:
    """For each of these runs that paid or called a teacher, or a judge model, what it used; the newest totals count."""
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table.c.run, table.c.key, table.c.value)
                                  .where(table.c.run.in_(runs), table.c.key.in_([f"{who}_{what}" for what in _USAGE]))
                                  .order_by(table.c.at)).all()
    newest: dict[str, dict[str, float | None]] = {}
    for row in rows:
        newest.setdefault(row.run, {})[row.key] = row.value
    return {run: TeacherUsage(int(found.get(f"{who}_calls") or 0), int(found.get(f"{who}_tokens") or 0),
                              found.get(f"{who}_cost_usd")) for run, found in newest.items()}
