"""Project questions and their references."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, set_run, update_rows, upsert


def _asked(connection: Connection, recorded: Recorded, event: events.QuestionsAsked) -> None:
    upsert(connection, schema.questions, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, "question": q.question_id, "tier": q.tier, "topic": q.topic,
         "text": q.text, "passage": q.passage, "passage_id": q.passage_id, "title": q.title, "address": q.address,
         "evidence": q.evidence} for q in event.questions])
    if recorded.stage == "held-out":
        set_run(connection, recorded, held_out_hash=event.set_hash)


def _referred(connection: Connection, recorded: Recorded, event: events.ReferencesWritten) -> None:
    update_rows(connection, schema.questions, ("run", "cycle", "question"), [
        {"run": recorded.run, "cycle": recorded.cycle or 0, "question": reference.question_id,
         "reference": reference.text, "reference_missing": reference.missing, "evidence": reference.evidence,
         "foils": json.dumps(list(zip(reference.foil_rules, reference.foils, strict=True)))}
        for reference in event.references])


APPLY: dict[type[events.Event], Apply] = {
    events.QuestionsAsked: _asked,
    events.ReferencesWritten: _referred,
}
