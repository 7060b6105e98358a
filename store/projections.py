"""How each event changes the read models, in the event's own transaction; and the rebuild from nothing.

One function a kind, found through `APPLY`. An event without an entry changes no read model.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store import events as happened
from store import schema
from store.clock import parse
from store.events import Recorded


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, or overwrite the columns given where the primary key is there already."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    action = (statement.on_conflict_do_update(index_elements=key, set_=changed) if changed
              else statement.on_conflict_do_nothing(index_elements=key))
    connection.execute(action, rows)


def project(connection: Connection, recorded: Recorded) -> None:
    """Apply one event to the read models, and move its run's cursor."""
    apply = APPLY.get(type(recorded.event))
    if apply:
        apply(connection, recorded, recorded.event)
    _set_run(connection, recorded, last_event_id=recorded.id, last_event_at=_at(recorded))


def rebuild(connection: Connection) -> int:
    """Empty every read model and replay all events; returns how many there were."""
    for table in schema.READ_MODELS:
        connection.execute(delete(table))
    count = 0
    for row in connection.execute(select(schema.events).order_by(schema.events.c.id)):
        project(connection, recorded_from(row))
        count += 1
    return count


def recorded_from(row: Any) -> Recorded:
    """An events row as the event that it holds."""
    return Recorded(row.id, row.run, row.seq, row.cycle, row.stage, parse(row.at),
                    happened.from_json(row.kind, row.payload))


def _at(recorded: Recorded) -> str:
    return recorded.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _set_run(connection: Connection, recorded: Recorded, **values: Any) -> None:
    connection.execute(update(schema.runs).where(schema.runs.c.id == recorded.run).values(**values))


def _set_cycle(connection: Connection, recorded: Recorded, **values: Any) -> None:
    cycles = schema.cycles
    connection.execute(update(cycles).where(cycles.c.run == recorded.run, cycles.c.cycle == recorded.cycle)
                       .values(**values))


def _stage_key(recorded: Recorded) -> dict[str, Any]:
    return {"run": recorded.run, "cycle": recorded.cycle or 0, "stage": recorded.stage or ""}


def _set_stage(connection: Connection, recorded: Recorded, **values: Any) -> None:
    key, stages = _stage_key(recorded), schema.stages
    connection.execute(update(stages).where(*(stages.c[name] == value for name, value in key.items()))
                       .values(**values))


def _requested(connection: Connection, recorded: Recorded, event: happened.RunRequested) -> None:
    upsert(connection, schema.runs, [{
        "id": recorded.run, "name": event.config.get("name", ""), "config": json.dumps(event.config, sort_keys=True),
        "requested_by": event.requested_by, "requested_at": _at(recorded), "priority": event.priority,
        "work": "queued", "attempts": 0, "last_event_id": recorded.id,
    }])


def _started(connection: Connection, recorded: Recorded, event: happened.RunStarted) -> None:
    runs = schema.runs
    first = connection.execute(select(runs.c.started_at).where(runs.c.id == recorded.run)).scalar()
    flow = json.dumps([dataclasses.asdict(row) for row in event.flow])
    _set_run(connection, recorded, work="running", attempts=event.attempt, flow=flow, started_at=first or _at(recorded),
             ended_at=None, error_kind=None, error=None, advice=None, trace=None)


def _knowledge(connection: Connection, recorded: Recorded, event: happened.KnowledgeRead) -> None:
    _set_run(connection, recorded, knowledge_hash=event.knowledge_hash)


def _planned(connection: Connection, recorded: Recorded, event: happened.PlanChosen) -> None:
    _set_run(connection, recorded, plan=json.dumps(dataclasses.asdict(event), sort_keys=True))


def _cycle_started(connection: Connection, recorded: Recorded, event: happened.CycleStarted) -> None:
    upsert(connection, schema.cycles, [{"run": recorded.run, "cycle": recorded.cycle, "work": "running",
                                        "started_at": _at(recorded)}])


def _stage_started(connection: Connection, recorded: Recorded, event: happened.StageStarted) -> None:
    upsert(connection, schema.stages, [_stage_key(recorded) | {
        "doer": event.doer, "work": "running", "started_at": _at(recorded), "ended_at": None, "error": None}])
    _set_run(connection, recorded, cycle=recorded.cycle, stage=recorded.stage, done=None, total=None, unit=None,
             detail=None)


def _progressed(connection: Connection, recorded: Recorded, event: happened.StageProgressed) -> None:
    _set_run(connection, recorded, done=event.done, total=event.total, unit=event.unit, detail=event.detail)


def _stage_finished(connection: Connection, recorded: Recorded, event: happened.StageFinished) -> None:
    _set_stage(connection, recorded, work="finished", ended_at=_at(recorded), seconds=event.seconds, path=event.path,
               sha256=event.sha256, inputs_sha256=event.inputs_sha256, size_bytes=event.size_bytes)


def _stage_failed(connection: Connection, recorded: Recorded, event: happened.StageFailed) -> None:
    _set_stage(connection, recorded, work="failed", ended_at=_at(recorded), error=f"{event.message} {event.advice}")


def _asked(connection: Connection, recorded: Recorded, event: happened.QuestionsAsked) -> None:
    upsert(connection, schema.questions, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, "question": q.question_id, "tier": q.tier, "topic": q.topic,
         "text": q.text, "passage": q.passage, "passage_id": q.passage_id, "title": q.title, "address": q.address,
         "evidence": q.evidence} for q in event.questions])
    if recorded.stage == "held-out":
        _set_run(connection, recorded, held_out_hash=event.set_hash)


def _referred(connection: Connection, recorded: Recorded, event: happened.ReferencesWritten) -> None:
    table = schema.questions
    for reference in event.references:
        connection.execute(
            update(table).where(table.c.run == recorded.run, table.c.cycle == (recorded.cycle or 0),
                                table.c.question == reference.question_id)
            .values(reference=reference.text, reference_missing=reference.missing, evidence=reference.evidence,
                    foils=json.dumps(list(zip(reference.foil_rules, reference.foils, strict=True)))))


def _answered(connection: Connection, recorded: Recorded, event: happened.AnswersGiven) -> None:
    upsert(connection, schema.answers, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, "arm": event.arm, "question": a.question_id, "text": a.text,
         "missing": a.missing, "tokens": a.tokens, "seconds": a.seconds, "cut_off": a.cut_off}
        for a in event.answers])


def _scored(connection: Connection, recorded: Recorded, event: happened.AnswersScored) -> None:
    upsert(connection, schema.scores, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, "arm": event.arm, "question": s.question_id,
         "metric": s.metric, "judge": event.judge, "value": s.value, "missing": s.missing} for s in event.scores])


def _trained(connection: Connection, recorded: Recorded, event: happened.AdapterTrained) -> None:
    _set_cycle(connection, recorded, adapter=event.adapter, adapter_sha256=event.sha256,
               training_seconds=event.seconds, training=json.dumps(dataclasses.asdict(event), sort_keys=True))


def _compared(connection: Connection, recorded: Recorded, event: happened.ArmsCompared) -> None:
    upsert(connection, schema.changes, [
        {"run": recorded.run, "cycle": recorded.cycle or 0, **dataclasses.asdict(c)} for c in event.changes])


def _cycle_finished(connection: Connection, recorded: Recorded, event: happened.CycleFinished) -> None:
    _set_cycle(connection, recorded, work=event.work, verdict=event.verdict, sentence=event.sentence,
               ended_at=_at(recorded), seconds=event.seconds)


def _metric(connection: Connection, recorded: Recorded, event: happened.MetricLogged) -> None:
    upsert(connection, schema.metrics, [{
        "run": recorded.run, "key": event.key, "cycle": recorded.cycle or 0, "stage": recorded.stage or "",
        "step": event.step, "value": event.value, "unit": event.unit, "at": _at(recorded)}])


def _finished(connection: Connection, recorded: Recorded, event: happened.RunFinished) -> None:
    _end(connection, recorded, "finished", verdict=event.verdict, sentence=event.sentence)


def _failed(connection: Connection, recorded: Recorded, event: happened.RunFailed) -> None:
    _end(connection, recorded, "failed", error_kind=event.kind, error=event.message, advice=event.advice,
         trace=event.trace)


def _cancelled(connection: Connection, recorded: Recorded, event: happened.RunCancelled) -> None:
    _end(connection, recorded, "cancelled")


def _paused(connection: Connection, recorded: Recorded, event: happened.RunPaused) -> None:
    _set_run(connection, recorded, work="paused")


def _requeued(connection: Connection, recorded: Recorded, event: happened.RunRequeued) -> None:
    _set_run(connection, recorded, work="queued", ended_at=None)


def _end(connection: Connection, recorded: Recorded, work: str, **values: Any) -> None:
    _set_run(connection, recorded, work=work, ended_at=_at(recorded), **values)


APPLY: dict[type[happened.Event], Callable[[Connection, Recorded, Any], None]] = {
    happened.RunRequested: _requested,
    happened.RunStarted: _started,
    happened.KnowledgeRead: _knowledge,
    happened.PlanChosen: _planned,
    happened.CycleStarted: _cycle_started,
    happened.StageStarted: _stage_started,
    happened.StageProgressed: _progressed,
    happened.StageFinished: _stage_finished,
    happened.StageFailed: _stage_failed,
    happened.QuestionsAsked: _asked,
    happened.ReferencesWritten: _referred,
    happened.AnswersGiven: _answered,
    happened.AnswersScored: _scored,
    happened.AdapterTrained: _trained,
    happened.ArmsCompared: _compared,
    happened.CycleFinished: _cycle_finished,
    happened.MetricLogged: _metric,
    happened.RunFinished: _finished,
    happened.RunFailed: _failed,
    happened.RunCancelled: _cancelled,
    happened.RunPaused: _paused,
    happened.RunRequeued: _requeued,
}
