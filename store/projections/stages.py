"""Project cycles, stages, their progress, and logged metrics.

A run's row shows the stage that started last, with its progress. Where several run at the same time and that one has
finished, it shows the one that started before it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from store import events, schema
from store.database.prepared_statements import execute, statement
from store.events import Recorded
from store.projections.row_updates import (
    Apply, Rows, moment, set_cycle, set_run, set_stage, stage_key, update_row, upsert,
)


def _cycle_started(connection: Connection, recorded: Recorded, event: events.CycleStarted) -> None:
    upsert(connection, schema.cycles, [{"run": recorded.run, "cycle": recorded.cycle, "work": "running",
                                        "started_at": moment(recorded)}])


def _stage_started(connection: Connection, recorded: Recorded, event: events.StageStarted) -> None:
    upsert(connection, schema.stages, [stage_key(recorded) | {
        "doer": event.doer, "work": "running", "started_at": moment(recorded), "ended_at": None, "error": None}])
    set_run(connection, recorded, cycle=recorded.cycle, stage=recorded.stage, done=None, total=None, unit=None,
            detail=None, done_before=None, done_seconds=None)


def _progressed(connection: Connection, recorded: Recorded, event: events.StageProgressed) -> None:
    built = statement(connection, ("stage beside",), _shown_and_running)
    shown = execute(connection, built, built.in_order({"run": recorded.run, "work": "running"})).fetchone()
    if shown is None or tuple(shown) == (recorded.cycle or 0, recorded.stage or ""):
        set_run(connection, recorded, done=event.done, total=event.total, unit=event.unit, detail=event.detail,
                done_before=event.before or None, done_seconds=event.seconds or None)


def _shown_and_running() -> Select[Any]:
    runs, stages = schema.runs.c, schema.stages.c
    return select(stages.cycle, stages.stage).where(
        runs.id == bindparam("run"), stages.run == runs.id, stages.cycle == runs.cycle, stages.stage == runs.stage,
        stages.work == bindparam("work"))


def _stage_finished(connection: Connection, recorded: Recorded, event: events.StageFinished) -> None:
    set_stage(connection, recorded, work="finished", ended_at=moment(recorded), seconds=event.seconds, path=event.path,
              sha256=event.sha256, inputs_sha256=event.inputs_sha256, size_bytes=event.size_bytes)
    stages = schema.stages.c
    beside = connection.execute(select(stages.cycle, stages.stage).where(
        stages.run == recorded.run, stages.work == "running").order_by(stages.started_at.desc()).limit(1)).one_or_none()
    if beside:  # else the run goes on showing what has finished, until the next stage starts
        update_row(connection, schema.runs, {"id": recorded.run, "cycle": recorded.cycle, "stage": recorded.stage}, {
            "cycle": beside.cycle, "stage": beside.stage, "done": None, "total": None, "unit": None, "detail": None,
            "done_before": None, "done_seconds": None})


def _stage_failed(connection: Connection, recorded: Recorded, event: events.StageFailed) -> None:
    set_stage(connection, recorded, work="failed", ended_at=moment(recorded), error=f"{event.message} {event.advice}")


def _cycle_finished(connection: Connection, recorded: Recorded, event: events.CycleFinished) -> None:
    set_cycle(connection, recorded, work=event.work, verdict=event.verdict, sentence=event.sentence,
              ended_at=moment(recorded), seconds=event.seconds)


def _metric(recorded: Recorded, event: events.MetricLogged) -> tuple[object, ...]:
    return (recorded.run, event.key, recorded.cycle or 0, recorded.stage or "", event.step, event.value, event.unit,
            recorded.moment)


APPLY: dict[type[events.Event], Apply] = {
    events.CycleStarted: _cycle_started,
    events.StageStarted: _stage_started,
    events.StageFinished: _stage_finished,
    events.StageFailed: _stage_failed,
    events.CycleFinished: _cycle_finished,
}
LATEST: dict[type[events.Event], Apply] = {events.StageProgressed: _progressed}
ROWS: dict[type[events.Event], Rows] = {events.MetricLogged: Rows(schema.metrics, _metric)}
