"""Project the life cycle of runs onto their rows."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sqlalchemy import Connection, select

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, moment, set_run, upsert


def _requested(connection: Connection, recorded: Recorded, event: events.RunRequested) -> None:
    upsert(connection, schema.runs, [{
        "id": recorded.run, "name": event.config.get("name", ""), "config": json.dumps(event.config, sort_keys=True),
        "requested_by": event.requested_by, "requested_at": moment(recorded), "priority": event.priority,
        "work": "queued", "attempts": 0, "group_name": event.group,
    }])


def _started(connection: Connection, recorded: Recorded, event: events.RunStarted) -> None:
    runs = schema.runs
    first = connection.execute(select(runs.c.started_at).where(runs.c.id == recorded.run)).scalar()
    flow = json.dumps([dataclasses.asdict(row) for row in event.flow])
    set_run(connection, recorded, work="running", attempts=event.attempt, flow=flow,
            started_at=first or moment(recorded), ended_at=None, error_kind=None, error=None, advice=None, trace=None,
            node=event.node or None)


def _knowledge(connection: Connection, recorded: Recorded, event: events.KnowledgeRead) -> None:
    set_run(connection, recorded, knowledge_hash=event.knowledge_hash)


def _planned(connection: Connection, recorded: Recorded, event: events.PlanChosen) -> None:
    set_run(connection, recorded, plan=json.dumps(dataclasses.asdict(event), sort_keys=True))


def _finished(connection: Connection, recorded: Recorded, event: events.RunFinished) -> None:
    _end(connection, recorded, "finished", verdict=event.verdict, sentence=event.sentence)


def _failed(connection: Connection, recorded: Recorded, event: events.RunFailed) -> None:
    _end(connection, recorded, "failed", error_kind=event.kind, error=event.message, advice=event.advice,
         trace=event.trace)


def _cancelled(connection: Connection, recorded: Recorded, event: events.RunCancelled) -> None:
    _end(connection, recorded, "cancelled")


def _paused(connection: Connection, recorded: Recorded, event: events.RunPaused) -> None:
    set_run(connection, recorded, work="paused", error=event.reason or None, advice=event.advice or None)


def _waiting_for_review(connection: Connection, recorded: Recorded, event: events.RunWaitingForReview) -> None:
    set_run(connection, recorded, work="waiting-for-review")


def _requeued(connection: Connection, recorded: Recorded, event: events.RunRequeued) -> None:
    set_run(connection, recorded, work="queued", ended_at=None)


def _prioritised(connection: Connection, recorded: Recorded, event: events.RunPrioritised) -> None:
    set_run(connection, recorded, priority=event.priority)


def _end(connection: Connection, recorded: Recorded, work: str, **values: Any) -> None:
    set_run(connection, recorded, work=work, ended_at=moment(recorded), **values)


APPLY: dict[type[events.Event], Apply] = {
    events.RunRequested: _requested,
    events.RunStarted: _started,
    events.KnowledgeRead: _knowledge,
    events.PlanChosen: _planned,
    events.RunFinished: _finished,
    events.RunFailed: _failed,
    events.RunCancelled: _cancelled,
    events.RunPaused: _paused,
    events.RunRequeued: _requeued,
    events.RunWaitingForReview: _waiting_for_review,
    events.RunPrioritised: _prioritised,
}
