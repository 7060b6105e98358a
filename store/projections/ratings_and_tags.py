"""Project ratings, tags, notes and the archive flag; remove a deleted run from every read model."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, moment, set_run, upsert


def _rated(connection: Connection, recorded: Recorded, event: events.AnswerRated) -> None:
    upsert(connection, schema.ratings, [{
        "run": recorded.run, "cycle": recorded.cycle or 0, "question": event.question_id, "rater": event.rater,
        "rating": event.rating, "blind": event.blind, "left_arm": event.left_arm, "note": event.note,
        "at": moment(recorded)}])


def _annotated(connection: Connection, recorded: Recorded, event: events.RunAnnotated) -> None:
    named = {} if event.name is None else {"name": event.name}
    set_run(connection, recorded, tags=json.dumps(event.tags), note=event.note, **named)


def _archived(connection: Connection, recorded: Recorded, event: events.RunArchived) -> None:
    set_run(connection, recorded, archived=event.archived)


def _deleted(connection: Connection, recorded: Recorded, event: events.RunDeleted) -> None:
    """Batches stay: one that the server still works on is to be paid, whatever became of its run. Forecasts stay: how
    often they held must not depend on which runs were kept."""
    for table in schema.READ_MODELS:
        if table in (schema.batches, schema.forecasts):
            continue
        key = table.c.id if table is schema.runs else table.c.get("run")
        if key is not None:
            connection.execute(delete(table).where(key == recorded.run))


APPLY: dict[type[events.Event], Apply] = {
    events.AnswerRated: _rated,
    events.RunAnnotated: _annotated,
    events.RunArchived: _archived,
    events.RunDeleted: _deleted,
}
