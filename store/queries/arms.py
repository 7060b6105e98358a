"""Control arms: every comparison, the gap to the teacher, what was put before the student; and the learning curve."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import select

from store import schema
from store.database import Store
from store.events import ArmChangeRecord, CurvePoint, GapRecord
from store.queries.rows import rows_of


@dataclass(frozen=True)
class ArmChange(ArmChangeRecord):
    """A comparison of two arms as it was recorded, with its run and the cycle whose adapter was tuned."""

    run: str
    cycle: int


@dataclass(frozen=True)
class Gap(GapRecord):
    """How much of the way to the teacher was gone, with its run and cycle."""

    run: str
    cycle: int


@dataclass(frozen=True)
class CurveRow(CurvePoint):
    """A point of the learning curve within a cycle's training."""

    run: str
    cycle: int


@dataclass(frozen=True)
class ArmPrompt:
    """What one arm was shown with one question; `own_passage` says whether the question's own passage was in it."""

    arm: str
    question: str
    text: str
    sources: tuple[str, ...]
    left_out: int
    cut: bool
    own_passage: bool


def arm_changes_of(store: Store, run: str) -> list[ArmChange]:
    """Every comparison of arms that a run made."""
    table = schema.arm_changes
    return [ArmChange(**row._mapping) for row in rows_of(store, table, run, table.c.arm, table.c.against,
                                                         table.c.metric)]


def gaps_of(store: Store, run: str) -> list[Gap]:
    """How far the way to the teacher was gone, by metric; empty where no teacher arm was asked for."""
    return [Gap(**row._mapping) for row in rows_of(store, schema.gaps, run, schema.gaps.c.metric)]


def curve_of(store: Store, run: str) -> list[CurveRow]:
    """The learning curve within each cycle's training, by cycle and step."""
    table = schema.curve_points
    return [CurveRow(**row._mapping) for row in rows_of(store, table, run, table.c.cycle, table.c.step,
                                                        table.c.metric)]


def arm_prompts_of(store: Store, run: str) -> list[ArmPrompt]:
    """What each arm was shown with each question."""
    prompts, questions = schema.arm_prompts, schema.questions
    statement = (select(prompts, questions.c.passage_id)
                 .join(questions, (questions.c.run == prompts.c.run) & (questions.c.question == prompts.c.question)
                       & (questions.c.cycle == 0))
                 .where(prompts.c.run == run).order_by(prompts.c.arm, prompts.c.question))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [ArmPrompt(row.arm, row.question, row.text, tuple(json.loads(row.sources)), row.left_out, row.cut,
                      row.passage_id in json.loads(row.sources)) for row in rows]
