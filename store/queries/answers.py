"""Query a cycle's questions with both arms' answers and scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select

from store import schema
from store.control_arms import BASELINE, TUNED
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
               metric: str = "", question: str = "") -> list[AnswerPair]:
    """Return the questions of a cycle, including the held-out ones, with both arms' answers and scores.

    The scores are the run's own, on which its verdict is based, or those of the rejudging with the number `judging`.

    Args:
        store: the store.
        run: the run's id.
        cycle: the cycle's number.
        judging: the number of a rejudging; 0 for the run's own scores.
        tier: read the questions of this tier only; empty: of all.
        metric: read the scores by this metric only; empty: by all.
        question: read this question only, by id; empty: all.
    """
    questions, scores = schema.questions, schema.judging_scores if judging else schema.scores
    only = [*([questions.c.tier == tier] if tier else []),
               *([questions.c.question == question] if question else [])]
    theirs = select(questions.c.question).where(questions.c.run == run, questions.c.cycle.in_((0, cycle)), *only)
    wanted = [*([scores.c.question.in_(theirs)] if only else []), *([scores.c.metric == metric] if metric else []),
              *([schema.judging_scores.c.judging == judging] if judging else [])]
    with store.read() as connection:
        asked = _of_cycle(connection, questions, _ASKED, run, cycle, *only)
        answers = {(of, arm): tuple(rest) for of, arm, *rest in _of_cycle(
            connection, schema.answers, _ANSWERED, run, cycle, schema.answers.c.arm.in_(_ARMS),
            *([schema.answers.c.question.in_(theirs)] if only else []))}
        scored = _scores_by_question(_of_cycle(connection, scores, _SCORED, run, cycle, scores.c.arm.in_(_ARMS),
                                               *wanted))
    return [_pair(row, cycle, answers.get((row[0], BASELINE), _NO_ANSWER), answers.get((row[0], TUNED), _NO_ANSWER),
                  scored.get(row[0], {})) for row in asked]


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


def judges_of(store: Store, run: str, cycles: Sequence[int], metric: str) -> dict[int, tuple[str, ...]]:
    """Return the judges of one metric by cycle, including those of the untrained answers to the test."""
    table = schema.scores
    found: dict[int, set[str]] = {cycle: set() for cycle in (0, *cycles)}
    with store.read() as connection:
        for cycle, judge in connection.execute(select(table.c.cycle, table.c.judge).distinct().where(
                table.c.run == run, table.c.cycle.in_(tuple(found)), table.c.metric == metric)).all():
            found[cycle].add(judge)
    return {cycle: tuple(sorted(found[0] | found[cycle])) for cycle in cycles}


_ARMS = (BASELINE, TUNED)
_ASKED = ("question", "tier", "topic", "text", "passage", "title", "address", "evidence", "reference",
          "reference_missing", "foils", "passage_id")
_ANSWERED = ("question", "arm", "text", "missing", "cut_off")
_SCORED = ("question", "arm", "metric", "judge", "value", "missing")
_NO_ANSWER = (None, NOT_ANSWERED, False)
"""Text, why it is missing, and whether it was cut off, of an answer that is not recorded."""


@dataclass(slots=True)
class _Scores:
    """Both scores of one question by one metric; judge and reason are the tuned answer's where it has them."""

    baseline: float | None = None
    tuned: float | None = None
    judge: str = ""
    reason: str = ""


def _of_cycle(connection: Connection, table: Table, columns: Sequence[str], run: str, cycle: int,
              *conditions: ColumnElement[bool]) -> Sequence[Any]:
    """Read columns of a cycle and of cycle 0, which has the held-out questions and their untrained answers."""
    return connection.execute(select(*(table.c[name] for name in columns)).where(
        table.c.run == run, table.c.cycle.in_((0, cycle)), *conditions)).all()


def _scores_by_question(rows: Iterable[Any]) -> dict[str, dict[str, _Scores]]:
    """Question -> metric -> both scores."""
    found: dict[str, dict[str, _Scores]] = {}
    for question, arm, metric, judge, value, missing in rows:
        of_question = found.setdefault(question, {})
        both = of_question.get(metric)
        if both is None:
            both = of_question[metric] = _Scores()
        if arm == TUNED:
            both.tuned = value
        else:
            both.baseline = value
        both.judge = judge if arm == TUNED else both.judge or judge
        both.reason = (missing or both.reason) if arm == TUNED else both.reason or missing or ""
    return found


def _pair(row: Any, cycle: int, before: tuple[Any, ...], after: tuple[Any, ...],
          scored: Mapping[str, _Scores]) -> AnswerPair:
    (question, tier, topic, text, passage, title, address, evidence, reference, reference_missing, foils,
     passage_id) = row
    by_metric = sorted(scored.items())
    return AnswerPair(
        question, cycle, tier, topic, text, passage, title, address, evidence, reference, reference_missing,
        tuple((rule, text) for rule, text in json.loads(foils)) if foils else (),
        before[0], before[1], after[0], after[1],
        {metric: (both.baseline, both.tuned) for metric, both in by_metric},
        bool(before[2]), bool(after[2]), {metric: both.reason for metric, both in by_metric if both.reason}, passage_id,
        {metric: both.judge for metric, both in by_metric})
