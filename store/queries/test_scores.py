"""Query one arm's scores on the held-out test with the judge of each, for pairing between runs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from store import schema
from store.database import Store


@dataclass(frozen=True)
class TestScore:
    """One score of one held-out question."""

    question: str
    metric: str
    judge: str
    value: float | None
    passage_id: str
    reference: str | None
    """The reference followed by its distractors: the same question with another reference is another test."""


def test_scores(store: Store, run: str, cycle: int, arm: str) -> list[TestScore]:
    """Return an arm's scores on the held-out test in a cycle; for the untrained arm also those of cycle 0."""
    scores, questions = schema.scores, schema.questions
    in_cycle = or_(scores.c.cycle == cycle, and_(scores.c.cycle == 0, scores.c.arm == "baseline"))
    statement = (
        select(scores.c.question, scores.c.metric, scores.c.judge, scores.c.value, questions.c.passage_id,
               questions.c.reference, questions.c.foils)
        .join(questions, and_(questions.c.run == scores.c.run, questions.c.question == scores.c.question,
                              questions.c.cycle == 0))
        .where(scores.c.run == run, scores.c.arm == arm, questions.c.tier == "held-out", in_cycle)
        .order_by(scores.c.metric, scores.c.question))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [TestScore(row.question, row.metric, row.judge, row.value, row.passage_id,
                      None if row.reference is None else f"{row.reference}\n{row.foils}") for row in rows]
