"""Query totals of the whole store for monitoring: runs by state, the queue's age, LLM calls, throughput."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, case, func, literal_column, select

from store import schema
from store.database import Store
from store.event_log.lease_expiry import free_now
from store.timestamps import parse

RATES = ("tokens_per_second", "training_tokens_per_second")
"""Keys of the logged rates: of answering, and of training."""


@dataclass(frozen=True)
class ModelCalls:
    """Stored calls to one teacher or judge model."""

    model: str
    batched: bool
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_prompt_tokens: int
    """Those of the prompt tokens that the server had cached."""


@dataclass(frozen=True)
class OperatingMetrics:
    """Totals at one moment."""

    runs: dict[str, int]
    """State -> number of runs; a running run without a valid lease is lost."""
    queue_age_seconds: float
    """How long the run that has waited longest has been queued; 0 with an empty queue."""
    calls: list[ModelCalls]
    rates: dict[str, dict[str, float]]
    """Running run -> one of RATES -> its latest value, in tokens per second."""


def operating_metrics(store: Store) -> OperatingMetrics:
    """Return the totals of now."""
    runs, claims, calls, metrics = schema.runs, schema.claims, schema.teacher_calls, schema.metrics
    state = case((and_(runs.c.work == "running", free_now()), "lost"), else_=runs.c.work)
    latest = select(metrics.c.run, metrics.c.key, func.max(metrics.c.at).label("at")).where(
        metrics.c.key.in_(RATES), metrics.c.run.in_(select(runs.c.id).where(runs.c.work == "running"))
        ).group_by(metrics.c.run, metrics.c.key).subquery()
    with store.read() as connection:
        states = connection.execute(
            select(state.label("state"), func.count().label("number")).select_from(runs)
            .outerjoin(claims, claims.c.run == runs.c.id)
            .group_by(literal_column("state"))).all()  # by name: PostgreSQL takes two bound values for two expressions
        oldest = connection.execute(select(func.min(runs.c.requested_at)).where(runs.c.work == "queued")).scalar()
        batched = calls.c.batch.is_not(None)
        by_model = connection.execute(
            select(calls.c.model, batched.label("batched"), func.count().label("calls"),
                   func.coalesce(func.sum(calls.c.prompt_tokens), 0).label("prompt_tokens"),
                   func.coalesce(func.sum(calls.c.completion_tokens), 0).label("completion_tokens"),
                   func.coalesce(func.sum(calls.c.cached_prompt_tokens), 0).label("cached_prompt_tokens"))
            .group_by(calls.c.model, batched).order_by(calls.c.model, batched)).all()
        rated = connection.execute(
            select(metrics.c.run, metrics.c.key, metrics.c.value)
            .join(latest, and_(latest.c.run == metrics.c.run, latest.c.key == metrics.c.key,
                               latest.c.at == metrics.c.at))).all()
    rates: dict[str, dict[str, float]] = {}
    for row in rated:
        if row.value is not None:
            rates.setdefault(row.run, {})[row.key] = row.value
    age = (datetime.now(UTC) - parse(oldest)).total_seconds() if oldest else 0.0
    return OperatingMetrics({row.state: row.number for row in states}, max(0.0, age),
                            [ModelCalls(row.model, bool(row.batched), row.calls, row.prompt_tokens,
                                        row.completion_tokens, row.cached_prompt_tokens) for row in by_model], rates)
