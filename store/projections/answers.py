"""Project answers and their scores."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, upsert


def _answered(connection: Connection, recorded: Recorded, event: events.AnswersGiven) -> None:
    cycle = event.of_cycle or recorded.cycle or 0
    upsert(connection, schema.answers, [
        {"run": recorded.run, "cycle": cycle, "arm": event.arm, "question": a.question_id, "text": a.text,
         "missing": a.missing, "tokens": a.tokens, "seconds": a.seconds, "cut_off": a.cut_off}
        for a in event.answers])


def _scored(connection: Connection, recorded: Recorded, event: events.AnswersScored) -> None:
    """A repeated stage replaces its earlier scores: an answer has one score per metric, whichever judge gave it."""
    table, cycle = schema.scores, event.of_cycle or recorded.cycle or 0
    connection.execute(delete(table).where(
        table.c.run == recorded.run, table.c.cycle == cycle, table.c.arm == event.arm,
        table.c.question.in_({s.question_id for s in event.scores}),
        table.c.metric.in_({s.metric for s in event.scores}), table.c.judge != event.judge))
    upsert(connection, schema.scores, [
        {"run": recorded.run, "cycle": cycle, "arm": event.arm, "question": s.question_id, "metric": s.metric,
         "judge": event.judge, "value": s.value, "missing": s.missing} for s in event.scores])


APPLY: dict[type[events.Event], Apply] = {
    events.AnswersGiven: _answered,
    events.AnswersScored: _scored,
}
