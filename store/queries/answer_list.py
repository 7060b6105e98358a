"""Query a cycle's questions with both answers and the scores by a few metrics: what a long list needs.

Neither passages, evidence and distractors nor the other metrics' scores are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, exists, select

from store import schema
from store.control_arms import BASELINE, TUNED
from store.database import Store


class ListedAnswer(NamedTuple):
    """One question of a cycle with its reference, both answers and some of its scores."""

    question: str
    tier: str
    topic: str
    text: str
    title: str
    reference: str | None
    baseline: str | None
    tuned: str | None
    scores: Mapping[str, tuple[float | None, float | None]]
    """metric -> (baseline, tuned), for those of the metrics read that the question was scored by."""

    def change(self, metric: str) -> float | None:
        """Tuned minus baseline; None unless both were scored."""
        before, after = self.scores.get(metric, (None, None))
        return None if before is None or after is None else after - before


def has_questions(store: Store, run: str, cycle: int) -> bool:
    """Whether any question was asked in a cycle, the held-out ones included."""
    table = schema.questions
    with store.read() as connection:
        return bool(connection.execute(select(exists().where(
            table.c.run == run, table.c.cycle.in_((0, cycle))))).scalar_one())


def scored_metrics(store: Store, run: str, cycle: int, judging: int = 0) -> frozenset[str]:
    """Return the metrics by which any answer of a cycle was scored, in the run or in a rejudging."""
    table, of_cycle = _scores_of(run, cycle, judging)
    with store.read() as connection:
        return frozenset(connection.execute(select(table.c.metric).distinct().where(*of_cycle)).scalars())


def listed_answers(store: Store, run: str, cycle: int, judging: int, metrics: Sequence[str]) -> list[ListedAnswer]:
    """Return the questions of a cycle, including the held-out ones, with the scores by these metrics.

    Args:
        store: the store.
        run: the run's id.
        cycle: the cycle's number.
        judging: the number of a rejudging; 0 for the run's own scores.
        metrics: whose scores are read.
    """
    questions, answers = schema.questions, schema.answers
    scores, of_cycle = _scores_of(run, cycle, judging)
    texts: dict[str, dict[str, str | None]] = {BASELINE: {}, TUNED: {}}
    values: dict[tuple[str, str], dict[str, float | None]] = {
        (arm, metric): {} for arm in texts for metric in metrics}
    with store.read() as connection:
        asked = connection.execute(
            select(questions.c.question, questions.c.tier, questions.c.topic, questions.c.text, questions.c.title,
                   questions.c.reference).where(questions.c.run == run, questions.c.cycle.in_((0, cycle)))).all()
        for question, arm, text in connection.execute(
                select(answers.c.question, answers.c.arm, answers.c.text)
                .where(answers.c.run == run, answers.c.cycle.in_((0, cycle)), answers.c.arm.in_(tuple(texts)))).all():
            texts[arm][question] = text
        for question, arm, metric, value in connection.execute(
                select(scores.c.question, scores.c.arm, scores.c.metric, scores.c.value)
                .where(*of_cycle, scores.c.metric.in_(tuple(metrics)))).all():
            values[arm, metric][question] = value
    before, after = texts[BASELINE], texts[TUNED]
    both = [(metric, values[BASELINE, metric], values[TUNED, metric]) for metric in metrics]
    return [ListedAnswer(*row, before.get(row[0]), after.get(row[0]),
                         {metric: (first.get(row[0]), second.get(row[0])) for metric, first, second in both
                          if row[0] in first or row[0] in second}) for row in asked]


def _scores_of(run: str, cycle: int, judging: int) -> tuple[Table, tuple[ColumnElement[bool], ...]]:
    """The table of the scores, and what selects those of both students in a cycle and in cycle 0."""
    table = schema.judging_scores if judging else schema.scores
    of_judging = (schema.judging_scores.c.judging == judging,) if judging else ()
    return table, (table.c.run == run, table.c.cycle.in_((0, cycle)), table.c.arm.in_((BASELINE, TUNED)), *of_judging)
