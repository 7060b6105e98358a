"""Query how often a locked test was answered by a tuned student, over all runs that share it."""

from __future__ import annotations

from sqlalchemy import func, literal, select, union

from store import schema
from store.database import Store
from store.dev_split import DEV
from store.formatting import plural
from store.queries.runs import Run
from store.run_config import RunConfig


NO_WINNER = ("None of them is named the best by this test: development questions choose a cycle (--dev-questions) or "
             "settings (`choose`).")
"""Stands where several students that answered one test are compared."""


def openings_sentence(openings: int, config: RunConfig) -> str:
    """Say how often a test was answered, and what that means for choosing by it; empty before the first time."""
    if not openings:
        return ""
    times = "once, by one tuned student" if openings == 1 else f"{openings} times, by as many tuned students"
    meaning = (f"; the cycle was chosen on {plural(config.dev_questions, 'development question')} beside it"
               if config.dev_questions else
               ": choosing the best of them by it would overstate it" if openings > 1 else "")
    return f"The test was answered {times} in this store{meaning}."


def openings_of_test(store: Store, run: Run) -> int:
    """Count the tuned students, by run and cycle, that answered the test of this run; 0 before the first.

    A test that many students answered has been looked at as often: choosing among them by it overstates the best.
    """
    if run.held_out_hash is None:
        return 0
    scores, questions, runs, cycles = schema.scores, schema.questions, schema.runs, schema.cycles
    with_test = select(runs.c.id).where(runs.c.held_out_hash == run.held_out_hash)
    students = union(select(cycles.c.run, cycles.c.cycle).where(cycles.c.run.in_(with_test)),
                     select(runs.c.id, literal(0)).where(runs.c.id.in_(with_test))).subquery("students")
    answered = (select(scores.c.question)
                .join(questions, (questions.c.run == scores.c.run) & (questions.c.question == scores.c.question)
                      & (questions.c.cycle == 0))
                .where(scores.c.run == students.c.run, scores.c.cycle == students.c.cycle, scores.c.arm == "tuned",
                       scores.c.value.is_not(None), questions.c.tier.not_in((DEV, "general"))).exists())
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(students).where(answered)).scalar_one())
