"""Query the questions of a cycle, and one arm's answers to them with one score each: what lists of answers show.

Neither passages, distractors nor other scores are read, so that thousands of answers are quick to list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, exists, select

from store import schema
from store.control_arms import ARMS
from store.database import Store


class AskedQuestion(NamedTuple):
    """One question with its reference."""

    question: str
    tier: str
    topic: str
    text: str
    reference: str | None
    reference_missing: str | None


class ScoredAnswer(NamedTuple):
    """One answer with its score by one metric."""

    text: str | None
    missing: str | None
    score: float | None


def asked_questions(store: Store, run: str, cycle: int, tier: str) -> list[AskedQuestion]:
    """Return the questions of one tier in a cycle, including the held-out ones."""
    return asked_by_cycle(store, run, (cycle,), tier)[cycle]


def asked_by_cycle(store: Store, run: str, cycles: Sequence[int], tier: str) -> dict[int, list[AskedQuestion]]:
    """Return the questions of one tier by cycle; the held-out ones, which all cycles share, are read once."""
    table = schema.questions
    found: dict[int, list[AskedQuestion]] = {cycle: [] for cycle in (0, *cycles)}
    with store.read() as connection:
        for cycle, *row in connection.execute(
                select(table.c.cycle, table.c.question, table.c.tier, table.c.topic, table.c.text, table.c.reference,
                       table.c.reference_missing)
                .where(table.c.run == run, table.c.cycle.in_(tuple(found)), table.c.tier == tier)).all():
            found[cycle].append(AskedQuestion(*row))
    return {cycle: found[0] + found[cycle] if cycle else found[0] for cycle in cycles}


def scored_answers(store: Store, run: str, cycle: int, arm: str, tier: str, metric: str) -> dict[str, ScoredAnswer]:
    """Return one arm's answers in a cycle to the questions of one tier, by question.

    The answers of cycle 0 are included: the untrained student's to the held-out questions, and those of control arms.
    """
    answers, scores, questions = schema.answers, schema.scores, schema.questions
    theirs = select(questions.c.question).where(questions.c.run == run, questions.c.cycle.in_((0, cycle)),
                                                questions.c.tier == tier)
    same = and_(*(scores.c[name] == answers.c[name] for name in ("run", "cycle", "arm", "question")),
                scores.c.metric == metric)
    with store.read() as connection:
        return {question: ScoredAnswer(text, missing, score) for question, text, missing, score in connection.execute(
            select(answers.c.question, answers.c.text, answers.c.missing, scores.c.value)
            .select_from(answers.outerjoin(scores, same))
            .where(answers.c.run == run, answers.c.cycle.in_((0, cycle)), answers.c.arm == arm,
                   answers.c.question.in_(theirs))).all()}


def arms_that_answered(store: Store, run: str) -> list[str]:
    """Return the control arms with any answer, in the order of `ARMS`."""
    table = schema.answers
    any_of = [exists().where(table.c.run == run, table.c.cycle == 0, table.c.arm == arm) for arm in ARMS]
    with store.read() as connection:
        found = connection.execute(select(*(one.label(arm) for arm, one in zip(ARMS, any_of, strict=True)))).one()
    return [arm for arm, answered in zip(ARMS, found, strict=True) if answered]
