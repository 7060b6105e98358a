"""Query the answers of a run that were sampled while its stages generate them, each with its question."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store import events, schema
from store.database import Store
from store.projections.projector import recorded_from


@dataclass(frozen=True)
class AnswerSample:
    """One answer that a student has just given."""

    arm: str
    cycle: int
    question: str
    """What was asked."""
    reference: str | None
    """None if it is not written yet."""
    text: str
    """The beginning of the answer."""


def answer_samples(store: Store, run: str, limit: int = 3) -> list[AnswerSample]:
    """Return the newest sampled answers of a run, newest first."""
    table, questions = schema.events, schema.questions
    with store.read() as connection:
        rows = connection.execute(
            select(table).where(table.c.run == run, schema.worth_a_line,
                                table.c.kind == events.AnswerSampled.event_type)
            .order_by(table.c.seq.desc()).limit(limit)).all()
        sampled = [(one.cycle or 0, one.event) for row in rows
                   if isinstance((one := recorded_from(row)).event, events.AnswerSampled)]
        asked = connection.execute(
            select(questions.c.question, questions.c.text, questions.c.reference)
            .where(questions.c.run == run, questions.c.question.in_([event.question_id for _, event in sampled]))
        ).all() if sampled else []
    by_id = {row.question: row for row in asked}
    return [AnswerSample(event.arm, cycle, by_id[event.question_id].text, by_id[event.question_id].reference,
                         event.text) for cycle, event in sampled if event.question_id in by_id]
