"""Query the speed that a student's training reached last on this store's machines."""

from __future__ import annotations

from sqlalchemy import select

from store import schema
from store.database import Store
from store.run_config import from_json

_NEWEST = 20
"""Runs that are looked through."""


def last_training_speed(store: Store, student: str, precision: str) -> float | None:
    """Return the tokens per second of the newest training of this student in this precision; None if there is none."""
    metrics, runs = schema.metrics, schema.runs
    newest = select(runs.c.id, runs.c.config).order_by(runs.c.requested_at.desc()).limit(_NEWEST)
    with store.read() as connection:
        for row in connection.execute(newest).all():
            past = from_json(row.config)
            if (past.student, past.precision) != (student, precision):
                continue
            speed = connection.execute(
                select(metrics.c.value).where(metrics.c.run == row.id, metrics.c.key == "training_tokens_per_second")
                .order_by(metrics.c.cycle.desc(), metrics.c.step.desc()).limit(1)).scalar()
            if speed:
                return float(speed)
    return None
