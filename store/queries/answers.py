"""Query a cycle's questions with both arms' answers and scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, select

from store import schema
from store.database import Store

NOT_ANSWERED = "no answer recorded"


@dataclass(frozen=True)
class AnswerPair:
    """One question of a cycle with its reference, the untrained and the tuned answer, and their scores."""

    question: str
    cycle: int
    tier: str
    topic: str
    text: str
    passage: str
    title: str
    address: str
    evidence: str
    reference: str | None
    reference_missing: str | None
    foils: tuple[tuple[str, str], ...]
    """(rule, text) of each distractor: the false references used for choice accuracy."""
    baseline: str | None
    baseline_missing: str | None
    tuned: str | None
    tuned_missing: str | None
    scores: Mapping[str, tuple[float | None, float | None]]
    """metric -> (baseline, tuned), for the metrics that the question was scored by."""
    baseline_cut_off: bool = False
    """Whether the answer was truncated at the token or time limit."""
    tuned_cut_off: bool = False
    unscored: Mapping[str, str] | None = None
    """metric -> why one of its two scores is missing, where a judge gave a reason."""
    passage_id: str = ""
    """The cluster of this question in confidence intervals."""
    judges: Mapping[str, str] | None = None
    """metric -> the judge that scored it."""

    def change(self, metric: str) -> float | None:
        """Tuned minus baseline; None unless both were scored."""
        before, after = self.scores.get(metric, (None, None))
        return None if before is None or after is None else after - before


class Truncated(NamedTuple):
    """How many answers to the questions of one tier ended at the token or time limit."""

    asked: int
    baseline: int
    tuned: int


def answers_of(store: Store, run: str, cycle: int, judging: int = 0, tier: str = "",
               metric: str = "") -> list[AnswerPair]:
    """Return the questions of a cycle, including the held-out ones, with both arms' answers and scores.

    The scores are the run's own, on which its verdict is based, or those of the rejudging with the number `judging`.

    Args:
        store: the store.
        run: the run's id.
        cycle: the cycle's number.
        judging: the number of a rejudging; 0 for the run's own scores.
        tier: read the questions of this tier only; empty: of all.
        metric: read the scores by this metric only; empty: by all.
    """
    questions, scores = schema.questions, schema.judging_scores if judging else schema.scores
    of_tier = [questions.c.tier == tier] if tier else []
    theirs = select(questions.c.question).where(questions.c.run == run, questions.c.cycle.in_((0, cycle)), *of_tier)
    wanted = [*([scores.c.question.in_(theirs)] if tier else []), *([scores.c.metric == metric] if metric else []),
              *([schema.judging_scores.c.judging == judging] if judging else [])]
    with store.read() as connection:
        asked = _of_cycle(connection, questions, run, cycle, *of_tier)
        answers = {(row.question, row.arm): row for row in _of_cycle(
            connection, schema.answers, run, cycle, *([schema.answers.c.question.in_(theirs)] if tier else []))}
        scored = {(row.question, row.arm, row.metric): row
                  for row in _of_cycle(connection, scores, run, cycle, *wanted)}
    metrics = sorted({metric for _, _, metric in scored})
    return [_pair(row, cycle, answers, scored, metrics) for row in asked]


def truncated_answers(store: Store, run: str, cycle: int, tier: str) -> Truncated:
    """Count the truncated answers of a cycle to the questions of one tier, by arm."""
    questions, answers = schema.questions, schema.answers
    of_tier = and_(questions.c.run == run, questions.c.cycle.in_((0, cycle)), questions.c.tier == tier)
    theirs = select(questions.c.question).where(of_tier)
    with store.read() as connection:
        asked = connection.execute(select(func.count()).select_from(questions).where(of_tier)).scalar_one()
        rows = connection.execute(
            select(answers.c.arm, func.count())
            .where(answers.c.run == run, answers.c.cycle.in_((0, cycle)), answers.c.cut_off,
                   answers.c.question.in_(theirs)).group_by(answers.c.arm)).all()
    by_arm = {row[0]: row[1] for row in rows}
    return Truncated(asked, by_arm.get("baseline", 0), by_arm.get("tuned", 0))


def judges_of(store: Store, run: str, cycle: int) -> dict[str, tuple[str, ...]]:
    """Return the judges of each metric of a cycle, including those of the untrained answers to the test."""
    table = schema.scores
    with store.read() as connection:
        rows = connection.execute(select(table.c.metric, table.c.judge).distinct().where(
            table.c.run == run, table.c.cycle.in_((0, cycle))).order_by(table.c.metric, table.c.judge)).all()
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.metric] = (*found.get(row.metric, ()), row.judge)
    return found


def _of_cycle(connection: Connection, table: Table, run: str, cycle: int,
              *conditions: ColumnElement[bool]) -> list[Row[Any]]:
    """Read a cycle's rows and those of cycle 0, which has the held-out questions and their untrained answers."""
    return list(connection.execute(select(table).where(table.c.run == run, table.c.cycle.in_((0, cycle)),
                                                       *conditions)))


def _pair(row: Row[Any], cycle: int, answers: Mapping[tuple[str, str], Row[Any]],
          scored: Mapping[tuple[str, str, str], Row[Any]], metrics: list[str]) -> AnswerPair:
    before, after = answers.get((row.question, "baseline")), answers.get((row.question, "tuned"))

    def score(arm: str, metric: str) -> float | None:
        found = scored.get((row.question, arm, metric))
        return found.value if found else None

    reasons = {metric: found.missing for metric in metrics for arm in ("baseline", "tuned")
               if (found := scored.get((row.question, arm, metric))) and found.missing}
    judges = {metric: found.judge for metric in metrics for arm in ("baseline", "tuned")
              if (found := scored.get((row.question, arm, metric)))}
    return AnswerPair(
        question=row.question, cycle=cycle, tier=row.tier, topic=row.topic, text=row.text, passage=row.passage,
        title=row.title, address=row.address, evidence=row.evidence, reference=row.reference,
        reference_missing=row.reference_missing,
        foils=tuple((rule, text) for rule, text in json.loads(row.foils or "[]")),
        baseline=before.text if before else None, baseline_missing=before.missing if before else NOT_ANSWERED,
        tuned=after.text if after else None, tuned_missing=after.missing if after else NOT_ANSWERED,
        scores={metric: (score("baseline", metric), score("tuned", metric)) for metric in metrics if metric in judges},
        baseline_cut_off=bool(before and before.cut_off), tuned_cut_off=bool(after and after.cut_off),
        unscored=reasons, passage_id=row.passage_id, judges=judges,
    )
