"""Query one arm's scores on the held-out test with the judge of each, for pairing between runs."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, select

from store import schema
from store.control_arms import BASELINE
from store.database import Store


class TestScore(NamedTuple):
    """One score of one held-out question; a tuple, because a comparison makes thousands of them."""

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
    in_cycle = scores.c.cycle.in_((0, cycle) if arm == BASELINE else (cycle,))
    of_test = and_(questions.c.run == run, questions.c.cycle == 0, questions.c.tier == "held-out")
    with store.read() as connection:
        asked = connection.execute(select(questions.c.question, questions.c.passage_id, questions.c.reference,
                                          questions.c.foils).where(of_test)).all()
        rows = connection.execute(
            select(scores.c.question, scores.c.metric, scores.c.judge, scores.c.value)
            .where(scores.c.run == run, scores.c.arm == arm, in_cycle,
                   scores.c.question.in_(select(questions.c.question).where(of_test)))
            .order_by(scores.c.metric, scores.c.question)).all()
    known = {row.question: (row.passage_id, None if row.reference is None else f"{row.reference}\n{row.foils}")
             for row in asked}
    return [TestScore(question, metric, judge, value, *known[question]) for question, metric, judge, value in rows]
