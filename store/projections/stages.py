"""Project cycles, stages, their progress, and logged metrics."""

from __future__ import annotations

from sqlalchemy import Connection

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, Rows, moment, set_cycle, set_run, set_stage, stage_key, upsert


def _cycle_started(connection: Connection, recorded: Recorded, event: events.CycleStarted) -> None:
    upsert(connection, schema.cycles, [{"run": recorded.run, "cycle": recorded.cycle, "work": "running",
                                        "started_at": moment(recorded)}])


def _stage_started(connection: Connection, recorded: Recorded, event: events.StageStarted) -> None:
    upsert(connection, schema.stages, [stage_key(recorded) | {
        "doer": event.doer, "work": "running", "started_at": moment(recorded), "ended_at": None, "error": None}])
    set_run(connection, recorded, cycle=recorded.cycle, stage=recorded.stage, done=None, total=None, unit=None,
            detail=None, done_before=None, done_seconds=None)


def _progressed(connection: Connection, recorded: Recorded, event: events.StageProgressed) -> None:
    set_run(connection, recorded, done=event.done, total=event.total, unit=event.unit, detail=event.detail,
            done_before=event.before or None, done_seconds=event.seconds or None)


def _stage_finished(connection: Connection, recorded: Recorded, event: events.StageFinished) -> None:
    set_stage(connection, recorded, work="finished", ended_at=moment(recorded), seconds=event.seconds, path=event.path,
              sha256=event.sha256, inputs_sha256=event.inputs_sha256, size_bytes=event.size_bytes)


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
