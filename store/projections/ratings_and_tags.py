"""Ratings, tags, notes, the archive; and a deleted run's rows, which leave every read model."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete

from store import schema
from store import events as happened
from store.events import Recorded
from store.projections.row_updates import Apply, moment, set_run, upsert


def _rated(connection: Connection, recorded: Recorded, event: happened.AnswerRated) -> None:
    upsert(connection, schema.ratings, [{
        "run": recorded.run, "cycle": recorded.cycle or 0, "question": event.question_id, "rater": event.rater,
        "rating": event.rating, "blind": event.blind, "left_arm": event.left_arm, "note": event.note,
        "at": moment(recorded)}])


def _annotated(connection: Connection, recorded: Recorded, event: happened.RunAnnotated) -> None:
    set_run(connection, recorded, tags=json.dumps(event.tags), note=event.note)


def _archived(connection: Connection, recorded: Recorded, event: happened.RunArchived) -> None:
    set_run(connection, recorded, archived=event.archived)


def _deleted(connection: Connection, recorded: Recorded, event: happened.RunDeleted) -> None:
    for table in schema.READ_MODELS:
        key = table.c.id if table is schema.runs else table.c.get("run")
        if key is not None:
            connection.execute(delete(table).where(key == recorded.run))


APPLY: dict[type[happened.Event], Apply] = {
    happened.AnswerRated: _rated,
    happened.RunAnnotated: _annotated,
    happened.RunArchived: _archived,
    happened.RunDeleted: _deleted,
}
