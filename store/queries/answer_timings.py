"""Query how long a run's answers to its test took, and what the teacher's own answers used."""

from __future__ import annotations

from sqlalchemy import func, select

from store import schema
from store.database import Store

CLOSED_BOOK_PURPOSE = "closed book"
"""Purpose of a teacher's calls for its own answers to the test."""


def timings_of(store: Store, run: str, cycle: int, tier: str) -> dict[str, list[tuple[int, float]]]:
    """Return (tokens, seconds) of each answer to the questions of a tier, by arm.

    Args:
        cycle: whose fine-tuned student it is; the control arms answered after the last one.
    """
    answers, questions = schema.answers, schema.questions
    statement = (select(answers.c.arm, answers.c.tokens, answers.c.seconds)
                 .join(questions, (questions.c.run == answers.c.run) & (questions.c.question == answers.c.question)
                       & (questions.c.tier == tier) & questions.c.cycle.in_((0, cycle)))
                 .where(answers.c.run == run, answers.c.cycle.in_((0, cycle)), answers.c.text.is_not(None)))
    found: dict[str, list[tuple[int, float]]] = {}
    with store.read() as connection:
        for row in connection.execute(statement):
            found.setdefault(row.arm, []).append((row.tokens, row.seconds))
    return found


def closed_book_usage(store: Store, run: str) -> tuple[int, int, int]:
    """Return (calls, prompt tokens, completion tokens) of the teacher's own answers, metered calls only."""
    calls = schema.teacher_calls.c
    statement = select(func.count(), func.coalesce(func.sum(calls.prompt_tokens), 0),
                       func.coalesce(func.sum(calls.completion_tokens), 0)).where(
        calls.run == run, calls.purpose == CLOSED_BOOK_PURPOSE, calls.prompt_tokens.is_not(None),
        calls.completion_tokens.is_not(None))
    with store.read() as connection:
        count, prompt, completion = connection.execute(statement).one()
    return int(count), int(prompt), int(completion)
