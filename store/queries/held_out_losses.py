"""Query the student's loss on the headline test: untrained, and after each cycle that was scored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from store import schema
from store.database import Store


@dataclass(frozen=True)
class HeldOutLoss:
    """Mean negative log-likelihood of the test's references, in nats per token."""

    cycle: int
    """0 for the untrained student."""
    value: float
    scored: int
    """Number of questions behind it."""


def held_out_losses(store: Store, run: str, tier: str) -> list[HeldOutLoss]:
    """Return the losses on the questions of a tier by cycle, the untrained student's first."""
    scores, questions = schema.scores, schema.questions
    asked = select(questions.c.question).where(questions.c.run == run, questions.c.tier == tier)
    statement = (
        select(scores.c.arm, scores.c.cycle, func.avg(scores.c.value).label("value"),
               func.count(scores.c.value).label("scored"))
        .where(scores.c.run == run, scores.c.metric == "reference_nll", scores.c.arm.in_(("baseline", "tuned")),
               scores.c.question.in_(asked), scores.c.value.is_not(None))
        .group_by(scores.c.arm, scores.c.cycle).order_by(scores.c.cycle))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    untrained = [row for row in rows if row.arm == "baseline"]
    count = sum(row.scored for row in untrained)
    first = [HeldOutLoss(0, sum(row.value * row.scored for row in untrained) / count, count)] if count else []
    return [*first, *(HeldOutLoss(row.cycle, row.value, row.scored) for row in rows if row.arm == "tuned")]
