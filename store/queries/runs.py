"""Runs as they stand now, and the runners that might work on them."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from store import schema
from store.config import RunConfig, from_json
from store.database import Store
from store.event_log.lease_expiry import lease_valid
from store.events import FlowRow
from store.queries.row_mapping import values_of
from store.timestamps import parse

MAX_RUNS = 500
"""Read at once at the most."""


@dataclass(frozen=True)
class Run:
    """A run as it stands now. `work` is how the work goes; `verdict` is what the result says."""

    id: str
    name: str
    config: RunConfig
    requested_by: str
    requested_at: datetime
    priority: int
    work: str
    """queued, running, paused, finished, failed, cancelled, or lost (running, but nobody holds it any more)."""
    verdict: str | None
    sentence: str | None
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    cycle: int | None
    stage: str | None
    done: int | None
    total: int | None
    unit: str | None
    detail: str | None
    flow: tuple[FlowRow, ...]
    """The stages that this run goes through, in order; empty until a runner took it up."""
    plan: Mapping[str, Any] | None
    knowledge_hash: str | None
    held_out_hash: str | None
    error_kind: str | None
    error: str | None
    advice: str | None
    trace: str | None
    last_event_id: int
    """The sequence number of its newest event: the cursor that says whether anything new has happened."""
    last_event_at: datetime | None
    stop_requested: str | None
    tags: tuple[str, ...] = ()
    note: str = ""
    archived: bool = False
    done_before: int | None = None
    """Of the stage's items, those that were done when its present attempt's clock began."""
    done_seconds: float | None = None
    """What this attempt had taken for the others when it last told."""

    def stage_seconds_left(self, now: datetime) -> float | None:
        """Of the stage at work, at the pace of this attempt alone; None before there is a pace.

        What has passed since the last word counts as work: where no item comes any more, the pace falls.
        """
        made = (self.done or 0) - (self.done_before or 0)
        if not self.done or not self.total or not self.done_seconds or made <= 0:
            return None
        silent = max(0.0, (now - (self.last_event_at or now)).total_seconds())
        return (self.done_seconds + silent) / made * max(0, self.total - self.done)

    @property
    def active(self) -> bool:
        """Whether something may still happen without a person."""
        return self.work in ("queued", "running", "lost")

    @property
    def title(self) -> str:
        return self.name or self.id


@dataclass(frozen=True)
class RunnerState:
    """A runner as last heard of; `connected` is computed now, from the beat that it promised."""

    owner: str
    host: str
    pid: int
    started_at: datetime
    beat_seconds_ago: float
    connected: bool


def all_runs(store: Store, limit: int = MAX_RUNS) -> list[Run]:
    """Runs, newest first, and no more than `limit`: whoever shows them says so where there are more."""
    with store.read() as connection:
        rows = connection.execute(run_rows().order_by(schema.runs.c.requested_at.desc()).limit(limit)).all()
    return [run_of(row) for row in rows]


def queue(store: Store) -> list[Run]:
    """The runs that wait, in the order in which they will be taken up; a lost one waits too."""
    table = schema.runs
    with store.read() as connection:
        rows = connection.execute(run_rows().where(table.c.work.in_(("queued", "running")))
                                  .order_by(table.c.priority.desc(), table.c.requested_at, table.c.id)).all()
    return [run for run in map(run_of, rows) if run.work != "running"]


def find_run(store: Store, run: str) -> Run | None:
    """One run, or None."""
    with store.read() as connection:
        row = connection.execute(run_rows().where(schema.runs.c.id == run)).one_or_none()
    return run_of(row) if row else None


def last_event_id(store: Store, run: str) -> int:
    """The cursor that says whether anything new has happened to a run; 0 for an unknown one."""
    with store.read() as connection:
        return connection.execute(_newest_event(schema.events.c.seq, run)).scalar() or 0


def count_of_runs(store: Store) -> int:
    """How many runs there are."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(schema.runs)).scalar_one()


def runners(store: Store) -> list[RunnerState]:
    """Runners that have not signed off, the latest first."""
    table = schema.runners
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.stopped.is_(False))
                                  .order_by(table.c.beat_at.desc())).all()
    now = time.time()
    return [RunnerState(row.owner, row.host, row.pid, parse(row.started_at), max(0.0, now - row.beat_at),
                        row.next_beat_by >= now) for row in rows]


def connected_runners(store: Store) -> list[RunnerState]:
    """The runners that were heard of lately."""
    return [runner for runner in runners(store) if runner.connected]


def run_rows() -> Any:
    claims, events, runs = schema.claims, schema.events, schema.runs
    return (select(runs, claims.c.expires_at, claims.c.stop_requested,
                   _newest_event(events.c.seq, runs.c.id).scalar_subquery().label("last_event_id"),
                   _newest_event(events.c.at, runs.c.id).scalar_subquery().label("last_event_at"))
            .outerjoin(claims, claims.c.run == runs.c.id))


def _newest_event(column: Any, run: Any) -> Any:
    """A column of a run's newest event: one look down the tree of (run, seq), however many events there are."""
    events = schema.events
    return select(column).where(events.c.run == run).order_by(events.c.seq.desc()).limit(1)


def run_of(row: Row[Any]) -> Run:
    values = values_of(row, json_fields=("plan",))
    expires_at = values.pop("expires_at")
    if values["work"] == "running" and not lease_valid(expires_at):
        values["work"] = "lost"
    values["config"] = _config(values["config"])
    values["flow"] = _flow(values["flow"] or "[]")
    values |= {"tags": tuple(json.loads(values["tags"])) if values["tags"] else (), "note": values["note"] or "",
               "archived": bool(values["archived"])}
    return Run(**values)


# Runs of one kind have the same texts here, and pages ask again and again.
_config = functools.lru_cache(maxsize=1000)(from_json)


@functools.lru_cache(maxsize=100)
def _flow(text: str) -> tuple[FlowRow, ...]:
    return tuple(FlowRow(**item) for item in json.loads(text))
