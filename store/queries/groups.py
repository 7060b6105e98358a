"""Query the runs of a group, and the scores of all of them on their locked test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, true

from knowledge.questions import PARAPHRASE, PRACTICE
from store import schema
from store.database import Store
from store.dev_split import DEV
from store.queries.runs import Run, run_of, run_rows


@dataclass(frozen=True)
class LockedQuestion:
    """One question of a run's locked test with its scores after the run's last compared cycle."""

    question: str
    tier: str
    passage_id: str
    reference: str | None
    """The reference followed by its distractors: the same question with another reference is another test."""
    scores: Mapping[tuple[str, str], tuple[float | None, float | None]]
    """(metric, judge) -> (baseline, fine-tuned)."""


@dataclass(frozen=True)
class GroupSize:
    """How many runs a group has by state of the work, and its newest run."""

    name: str
    works: Mapping[str, int]
    newest: str

    @property
    def runs(self) -> int:
        return sum(self.works.values())


def runs_of_group(store: Store, group: str) -> list[Run]:
    """Return the runs of a group in the order in which they were queued; empty if there is no such group."""
    table = schema.runs
    with store.read() as connection:
        rows = connection.execute(run_rows().where(table.c.group_name == group, table.c.group_name != "")
                                  .order_by(table.c.requested_at, table.c.id)).all()
    return [run_of(row) for row in rows]


def group_sizes(store: Store) -> dict[str, GroupSize]:
    """Return every group by name, the one with the newest run first."""
    table = schema.runs
    with store.read() as connection:
        rows = connection.execute(
            select(table.c.group_name, table.c.work, func.count().label("runs"),
                   func.max(table.c.requested_at).label("newest"))
            .where(table.c.group_name != "").group_by(table.c.group_name, table.c.work)).all()
    works: dict[str, dict[str, int]] = {}
    newest: dict[str, str] = {}
    for row in rows:
        works.setdefault(row.group_name, {})[row.work] = row.runs
        newest[row.group_name] = max(row.newest, newest.get(row.group_name, ""))
    return {name: GroupSize(name, works[name], newest[name]) for name in sorted(newest, key=lambda n: newest[n],
                                                                               reverse=True)}


def locked_test_scores(store: Store, run: str, metrics: Sequence[str] | None = None) -> list[LockedQuestion]:
    """Return the questions of a run's locked test with their scores after its last compared cycle, or with
    development questions after the cycle that they chose.

    Questions on taught facts count only where the run did teach the fact, as in its own verdict.

    Args:
        metrics: names of the metrics to read; None reads all.
    """
    scores, questions, changes = schema.scores, schema.questions, schema.changes
    with store.read() as connection:
        tested = connection.execute(select(func.max(changes.c.cycle)).where(
            changes.c.run == run, changes.c.tier.not_in((PRACTICE, DEV)))).scalar()
        if tested is None:  # only development questions were asked after the training so far, or none
            return []
        asked = connection.execute(
            select(questions.c.question, questions.c.tier, questions.c.passage_id, questions.c.reference,
                   questions.c.foils)
            .where(questions.c.run == run, questions.c.cycle == 0).order_by(questions.c.question)).all()
        taught = set(connection.execute(
            select(questions.c.passage_id).where(questions.c.run == run, questions.c.tier == PRACTICE,
                                                 questions.c.reference.is_not(None))).scalars())
        of_test = or_(and_(scores.c.arm == "tuned", scores.c.cycle == tested),
                      and_(scores.c.arm == "baseline", scores.c.cycle == 0))
        wanted = scores.c.metric.in_(metrics) if metrics is not None else true()
        rows = connection.execute(
            select(scores.c.question, scores.c.arm, scores.c.metric, scores.c.judge, scores.c.value)
            .where(scores.c.run == run, of_test, wanted)).all()
    found: dict[str, dict[tuple[str, str], tuple[float | None, float | None]]] = {}
    for question, arm, metric, judge, value in rows:
        of_question = found.setdefault(question, {})
        before, after = of_question.get((metric, judge), (None, None))
        of_question[metric, judge] = (value, after) if arm == "baseline" else (before, value)
    return [LockedQuestion(row.question, row.tier, row.passage_id,
                         None if row.reference is None else f"{row.reference}\n{row.foils}",
                         found.get(row.question, {}))
            for row in asked if row.tier != PARAPHRASE or row.passage_id in taught]


def practice_questions_of(store: Store, run: str) -> tuple[tuple[int, str, str | None], ...]:
    """Return a run's practice questions as (cycle, text, reference), in a fixed order: equal for the same training."""
    table = schema.questions
    with store.read() as connection:
        rows = connection.execute(select(table.c.cycle, table.c.text, table.c.reference)
                                  .where(table.c.run == run, table.c.tier == PRACTICE)
                                  .order_by(table.c.cycle, table.c.question)).all()
    return tuple((row.cycle, row.text, row.reference) for row in rows)
