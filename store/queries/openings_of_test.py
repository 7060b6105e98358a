"""Query how often a locked test was answered by a tuned student, over all runs that share it."""

from __future__ import annotations

from sqlalchemy import func, select

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
    scores, questions, runs = schema.scores, schema.questions, schema.runs
    students = (select(scores.c.run, scores.c.cycle).distinct()
                .join(questions, (questions.c.run == scores.c.run) & (questions.c.question == scores.c.question)
                      & (questions.c.cycle == 0))
                .join(runs, runs.c.id == scores.c.run)
                .where(scores.c.arm == "tuned", scores.c.value.is_not(None), runs.c.held_out_hash == run.held_out_hash,
                       questions.c.tier.not_in((DEV, "general"))).subquery())
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(students)).scalar_one())
