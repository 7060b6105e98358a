"""Project batches, and runs that wait for one."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sqlalchemy import Connection

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, moment, set_run, update_row, upsert


def _planned(connection: Connection, recorded: Recorded, event: events.BatchPlanned) -> None:
    upsert(connection, schema.batches, [{
        "run": recorded.run, "batch": event.batch, "role": event.role, "model": event.model, "address": event.address,
        "path": event.path, "sha256": event.sha256, "state": "planned", "calls": _json(event.calls),
        "cycle": recorded.cycle, "stage": recorded.stage, "planned_at": moment(recorded), "completed": 0, "failed": 0,
        "total": len(event.calls), "recorded": 0, "estimated_cost_usd": event.estimated_cost_usd}])


def _sent(connection: Connection, recorded: Recorded, event: events.BatchSent) -> None:
    _set(connection, recorded, event.batch, state="sent", server_id=event.server_id, expires_at=event.expires_at,
         sent_at=moment(recorded))


def _progressed(connection: Connection, recorded: Recorded, event: events.BatchProgressed) -> None:
    _set(connection, recorded, event.batch, state=event.state, completed=event.completed, failed=event.failed,
         total=event.total, expires_at=event.expires_at)


def _ended(connection: Connection, recorded: Recorded, event: events.BatchEnded) -> None:
    _set(connection, recorded, event.batch, state=event.state, completed=event.completed, failed=event.failed,
         total=event.total, recorded=event.recorded, cost_usd=event.cost_usd, message=event.message,
         failures=_json(event.failures), ended_at=moment(recorded))


def _waiting(connection: Connection, recorded: Recorded, event: events.RunWaitingForBatch) -> None:
    set_run(connection, recorded, work="waiting-for-batch")


def _set(connection: Connection, of: Recorded, batch: str, **values: Any) -> None:
    update_row(connection, schema.batches, {"run": of.run, "batch": batch}, values)


def _json(records: tuple[Any, ...]) -> str:
    return json.dumps([dataclasses.asdict(record) for record in records])


APPLY: dict[type[events.Event], Apply] = {
    events.BatchPlanned: _planned,
    events.BatchSent: _sent,
    events.BatchProgressed: _progressed,
    events.BatchEnded: _ended,
    events.RunWaitingForBatch: _waiting,
}
