"""Questions and their references."""

from __future__ import annotations

import json

from sqlalchemy import Connection, update

from store import events as happened
from store import schema
from store.events import Recorded
from store.projections.writing import Apply, set_run, upsert


def _asked(connection: Connection, recorded: Recorded, event: happened.QuestionsAsked) -> None:
    upsert(connection, schema.questions, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, "question": q.question_id, "tier": q.tier, "topic": q.topic,
         "text": q.text, "passage": q.passage, "passage_id": q.passage_id, "title": q.title, "address": q.address,
         "evidence": q.evidence} for q in event.questions])
    if recorded.stage == "held-out":
        set_run(connection, recorded, held_out_hash=event.set_hash)


def _referred(connection: Connection, recorded: Recorded, event: happened.ReferencesWritten) -> None:
    table = schema.questions
    for reference in event.references:
        connection.execute(
            update(table).where(table.c.run == recorded.run, table.c.cycle == (recorded.cycle or 0),
                                table.c.question == reference.question_id)
            .values(reference=reference.text, reference_missing=reference.missing, evidence=reference.evidence,
                    foils=json.dumps(list(zip(reference.foil_rules, reference.foils, strict=True)))))


APPLY: dict[type[happened.Event], Apply] = {
    happened.QuestionsAsked: _asked,
    happened.ReferencesWritten: _referred,
}
