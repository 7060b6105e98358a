"""Variance of the paired differences in past comparable runs, for the power analysis before a launch."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, select

from store import schema
from store.config_metadata import fields_affecting
from store.database import Store
from store.run_config import RunConfig, from_json
from store.statistics import PastVariance

_MAX_RUNS = 10


def past_variances(store: Store, config: RunConfig, before: datetime | None = None) -> list[PastVariance]:
    """Read the standard deviation of the headline metric's paired differences in past comparable runs, newest first.

    Each run counts with the headline test of its last cycle; at most 10 runs.

    Args:
        before: only runs that were requested before this time.
    """
    changes, runs = schema.changes, schema.runs
    headline = and_(changes.c.tier == config.headline_tier, changes.c.topic == "",
                    changes.c.metric == config.headline)
    last = (select(changes.c.run, func.max(changes.c.cycle).label("cycle"))
            .where(headline, changes.c.spread.is_not(None)).group_by(changes.c.run).subquery())
    statement = (select(runs.c.id, runs.c.config, changes.c.scored, changes.c.spread)
                 .join(last, last.c.run == runs.c.id)
                 .join(changes, and_(headline, changes.c.run == last.c.run, changes.c.cycle == last.c.cycle))
                 .order_by(runs.c.requested_at.desc()))
    if before is not None:
        statement = statement.where(runs.c.requested_at < before.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [PastVariance(row.id, row.scored, row.spread) for row in rows
            if comparable_for_variance(from_json(row.config), config)][:_MAX_RUNS]


def comparable_for_variance(one: RunConfig, other: RunConfig) -> bool:
    """Whether the variance of scores in one run is an estimate for the other: equal questions, teacher and student."""
    return all(getattr(one, field) == getattr(other, field) for field in fields_affecting("variance", RunConfig))
