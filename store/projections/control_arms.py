"""Project the control arms and the learning curve within a cycle."""

from __future__ import annotations

import dataclasses
import json

from sqlalchemy import Connection

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, upsert


def _prompts(connection: Connection, recorded: Recorded, event: events.PromptsPrepared) -> None:
    upsert(connection, schema.arm_prompts, [
        {"run": recorded.run, "arm": event.arm, "question": p.question_id, "text": p.text,
         "sources": json.dumps(p.sources), "left_out": p.left_out, "cut": p.cut} for p in event.prompts])


def _compared(connection: Connection, recorded: Recorded, event: events.ControlArmsCompared) -> None:
    upsert(connection, schema.arm_changes, [
        {"run": recorded.run, "cycle": event.cycle, **dataclasses.asdict(c)} for c in event.changes])
    upsert(connection, schema.gaps, [
        {"run": recorded.run, "cycle": event.cycle, **dataclasses.asdict(g)} for g in event.gaps])
    upsert(connection, schema.replacements, [
        {"run": recorded.run, "cycle": event.cycle, **dataclasses.asdict(r)} for r in event.replacements])
    upsert(connection, schema.gain_shares, [
        {"run": recorded.run, "cycle": event.cycle, **dataclasses.asdict(s)} for s in event.shares])


def _measured(connection: Connection, recorded: Recorded, event: events.LearningCurveMeasured) -> None:
    upsert(connection, schema.curve_points, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, **dataclasses.asdict(p)} for p in event.points])


APPLY: dict[type[events.Event], Apply] = {
    events.PromptsPrepared: _prompts,
    events.ControlArmsCompared: _compared,
    events.LearningCurveMeasured: _measured,
}
