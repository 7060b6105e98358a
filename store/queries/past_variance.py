"""How far paired differences spread in past runs of the same kind: what power before a launch is reckoned from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, select

from store import schema
from store.config import RunConfig, from_json
from store.database import Store
from store.statistics import PastVariance

_COMPARABLE_FIELDS = ("knowledge", "student", "teacher")
"""Runs that differ in one of these ask other questions or are another student: their spread says nothing here."""
_MAX_RUNS = 10


def past_variances(store: Store, config: RunConfig, before: datetime | None = None) -> list[PastVariance]:
    """How the headline metric spread on the held-out test in the last cycle of past runs like this one, newest first.

    Args:
        before: only runs that were requested earlier than this moment.
    """
    changes, runs = schema.changes, schema.runs
    held_out = and_(changes.c.tier == "held-out", changes.c.topic == "", changes.c.metric == config.headline)
    last = (select(changes.c.run, func.max(changes.c.cycle).label("cycle"))
            .where(held_out, changes.c.spread.is_not(None)).group_by(changes.c.run).subquery())
    statement = (select(runs.c.id, runs.c.config, changes.c.scored, changes.c.spread)
                 .join(last, last.c.run == runs.c.id)
                 .join(changes, and_(held_out, changes.c.run == last.c.run, changes.c.cycle == last.c.cycle))
                 .order_by(runs.c.requested_at.desc()))
    if before is not None:
        statement = statement.where(runs.c.requested_at < before.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [PastVariance(row.id, row.scored, row.spread) for row in rows
            if comparable_for_variance(from_json(row.config), config)][:_MAX_RUNS]


def comparable_for_variance(one: RunConfig, other: RunConfig) -> bool:
    """Whether two runs ask about the same and teach the same student: then one's spread is a guess at the other's."""
    return all(getattr(one, field) == getattr(other, field) for field in _COMPARABLE_FIELDS)
