"""Query the control arms: answers, prompts, comparisons, gap to the teacher; and the learning curve."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Table, select

from store import schema
from store.control_arms import ARMS
from store.database import Store
from store.events import ArmChangeRecord, CurvePoint, GainShareRecord, GapRecord, ReplacementRecord
from store.queries.row_mapping import rows_of
from store.statistics import PARTS


@dataclass(frozen=True)
class ArmChange(ArmChangeRecord):
    """A recorded comparison of two arms, with its run and the cycle whose adapter was compared."""

    run: str
    cycle: int


@dataclass(frozen=True)
class Gap(GapRecord):
    """The share of the gap to the teacher that was closed, with its run and cycle."""

    run: str
    cycle: int


@dataclass(frozen=True)
class Replacement(ReplacementRecord):
    """Whether a student may replace its teacher, with its run and the cycle whose adapter was compared."""

    run: str
    cycle: int


@dataclass(frozen=True)
class GainShare(GainShareRecord):
    """One part of the gain, with its run and cycle."""

    run: str
    cycle: int


@dataclass(frozen=True)
class CurveRow(CurvePoint):
    """A point of the learning curve, with its run and cycle."""

    run: str
    cycle: int


@dataclass(frozen=True)
class ArmPrompt:
    """One arm's prompt for one question; `own_passage`: whether it contains the passage the question was made from."""

    arm: str
    question: str
    text: str
    sources: tuple[str, ...]
    left_out: int
    cut: bool
    own_passage: bool


@dataclass(frozen=True)
class ArmAnswer:
    """One control arm's answer to one question, with its scores and its prompt."""

    arm: str
    question: str
    text: str | None
    missing: str | None
    cut_off: bool
    scores: Mapping[str, float | None]
    prompt: str | None
    """None if the arm was given the bare question."""


def arm_answers_of(store: Store, run: str, question: str | None = None) -> list[ArmAnswer]:
    """Return the answers of all control arms to one question, or to all; arms in the order of `ARMS`."""
    def of_arms(table: Table) -> Sequence[Row[Any]]:
        asked = () if question is None else (table.c.question == question,)
        return connection.execute(select(table).where(table.c.run == run, table.c.cycle == 0,
                                                      table.c.arm.in_(tuple(ARMS)), *asked)).all()

    with store.read() as connection:
        given, scored = of_arms(schema.answers), of_arms(schema.scores)
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in scored:
        found.setdefault((row.arm, row.question), {})[row.metric] = row.value
    prompts = {(prompt.arm, prompt.question): prompt.text for prompt in arm_prompts_of(store, run, question)}
    rows = sorted(given, key=lambda row: (list(ARMS).index(row.arm), row.question))
    return [ArmAnswer(row.arm, row.question, row.text, row.missing, row.cut_off,
                      found.get((row.arm, row.question), {}), prompts.get((row.arm, row.question))) for row in rows]


def arm_changes_of(store: Store, run: str) -> list[ArmChange]:
    """Return a run's comparisons of arms."""
    table = schema.arm_changes
    return [ArmChange(**row._mapping) for row in rows_of(store, table, run, table.c.arm, table.c.against,
                                                         table.c.metric)]


def gaps_of(store: Store, run: str) -> list[Gap]:
    """Return the share of the gap to the teacher that was closed, by metric; empty without a teacher arm."""
    return [Gap(**row._mapping) for row in rows_of(store, schema.gaps, run, schema.gaps.c.metric)]


def replacements_of(store: Store, run: str) -> list[Replacement]:
    """Return whether each of a run's students may replace its teacher; empty where that was not compared."""
    table = schema.replacements
    return [Replacement(**row._mapping) for row in rows_of(store, table, run, table.c.arm, table.c.metric)]


def gain_shares_of(store: Store, run: str) -> list[GainShare]:
    """Return the parts of a run's gain, by metric in the order in which they add up; empty where it was not split."""
    table = schema.gain_shares
    found = [GainShare(**row._mapping) for row in rows_of(store, table, run, table.c.metric)]
    return sorted(found, key=lambda row: (row.metric, PARTS.index(row.part) if row.part in PARTS else len(PARTS)))


def curve_of(store: Store, run: str) -> list[CurveRow]:
    """Return the learning curve within each cycle's training, by cycle and step."""
    table = schema.curve_points
    return [CurveRow(**row._mapping) for row in rows_of(store, table, run, table.c.cycle, table.c.step,
                                                        table.c.metric)]


def arm_prompts_of(store: Store, run: str, question: str | None = None) -> list[ArmPrompt]:
    """Return each arm's prompt for one question, or for each."""
    prompts, questions = schema.arm_prompts, schema.questions
    statement = (select(prompts, questions.c.passage_id)
                 .join(questions, (questions.c.run == prompts.c.run) & (questions.c.question == prompts.c.question)
                       & (questions.c.cycle == 0))
                 .where(prompts.c.run == run, *(() if question is None else (prompts.c.question == question,)))
                 .order_by(prompts.c.arm, prompts.c.question))
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [ArmPrompt(row.arm, row.question, row.text, tuple(json.loads(row.sources)), row.left_out, row.cut,
                      row.passage_id in json.loads(row.sources)) for row in rows]
