"""Query the current state of runs, the queue, and the runners."""

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
from store.database import Store
from store.event_log.lease_expiry import lease_valid
from store.events import FlowRow
from store.queries.row_mapping import values_of
from store.run_config import RunConfig, from_json
from store.timestamps import parse

MAX_RUNS = 500
"""Maximum number of runs read at once."""


@dataclass(frozen=True)
class Run:
    """The current state of a run. `work` is the state of the work; `verdict` is about the result."""

    id: str
    name: str
    config: RunConfig
    requested_by: str
    requested_at: datetime
    priority: int
    work: str
    """queued, running, waiting-for-batch, waiting-for-review, paused, finished, failed, cancelled, or lost (running,
    but its lease has expired, or the next heartbeat of its runner is overdue)."""
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
    """The stages of this run's pipeline, in order; empty until a runner has started it."""
    plan: Mapping[str, Any] | None
    knowledge_hash: str | None
    held_out_hash: str | None
    error_kind: str | None
    error: str | None
    advice: str | None
    trace: str | None
    last_event_id: int
    """The sequence number of its newest event, the cursor for detecting changes."""
    last_event_at: datetime | None
    stop_requested: str | None
    tags: tuple[str, ...] = ()
    note: str = ""
    archived: bool = False
    group: str = ""
    """Name of the group of runs that it is part of; empty for a run of its own."""
    done_before: int | None = None
    """Items of the stage that were restored from an earlier attempt."""
    done_seconds: float | None = None
    """Time that this attempt took for the other items, as of its latest progress event."""
    node: str | None = None
    """Node of a cluster that its latest worker is on; None for a child process of the runner."""
    waits_for: str | None = None
    """What it waits for while a cluster has no place for it."""

    def stage_seconds_left(self, now: datetime) -> float | None:
        """Estimate the current stage's remaining seconds from this attempt's throughput; None before there is one.

        Time since the latest event counts as work, so the estimate grows while no item gets done.
        """
        done_here = (self.done or 0) - (self.done_before or 0)
        if not self.done or not self.total or not self.done_seconds or done_here <= 0:
            return None
        since_last_event = max(0.0, (now - (self.last_event_at or now)).total_seconds())
        return (self.done_seconds + since_last_event) / done_here * max(0, self.total - self.done)

    @property
    def active(self) -> bool:
        """Whether the run can still progress without a person's action."""
        return self.work in ("queued", "running", "lost", "waiting-for-batch")

    @property
    def title(self) -> str:
        return self.name or self.id


@dataclass(frozen=True)
class RunnerState:
    """A runner at its last heartbeat; `connected` is computed at query time from when its next heartbeat was due."""

    owner: str
    host: str
    pid: int
    started_at: datetime
    beat_seconds_ago: float
    connected: bool


def all_runs(store: Store, limit: int = MAX_RUNS) -> list[Run]:
    """Return the newest runs, newest first, at most `limit`; a page that shows them must say if there are more."""
    with store.read() as connection:
        rows = connection.execute(run_rows().order_by(schema.runs.c.requested_at.desc()).limit(limit)).all()
    return [run_of(row) for row in rows]


def queue(store: Store) -> list[Run]:
    """Return the queued and lost runs, in the order in which runners will claim them."""
    table = schema.runs
    with store.read() as connection:
        rows = connection.execute(run_rows().where(table.c.work.in_(("queued", "running")))
                                  .order_by(table.c.priority.desc(), table.c.requested_at, table.c.id)).all()
    return [run for run in map(run_of, rows) if run.work != "running"]


def runs_in_review(store: Store) -> list[Run]:
    """Return the runs that wait until people have reviewed their questions, the oldest first."""
    with store.read() as connection:
        rows = connection.execute(run_rows().where(schema.runs.c.work == "waiting-for-review")
                                  .order_by(schema.runs.c.requested_at, schema.runs.c.id)).all()
    return [run_of(row) for row in rows]


def find_run(store: Store, run: str) -> Run | None:
    """Return one run, or None."""
    with store.read() as connection:
        row = connection.execute(run_rows().where(schema.runs.c.id == run)).one_or_none()
    return run_of(row) if row else None


def last_event_id(store: Store, run: str) -> int:
    """Return the sequence number of a run's newest event, the cursor for detecting changes; 0 for an unknown run."""
    with store.read() as connection:
        return connection.execute(_newest_event(schema.events.c.seq, run)).scalar() or 0


def count_of_runs(store: Store) -> int:
    """Count all runs."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(schema.runs)).scalar_one()


def runners(store: Store) -> list[RunnerState]:
    """Return the runners that have not recorded a stop, the latest heartbeat first."""
    table = schema.runners
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.stopped.is_(False))
                                  .order_by(table.c.beat_at.desc())).all()
    now = time.time()
    return [RunnerState(row.owner, row.host, row.pid, parse(row.started_at), max(0.0, now - row.beat_at),
                        row.next_beat_by >= now) for row in rows]


def connected_runners(store: Store) -> list[RunnerState]:
    """Return the runners whose next heartbeat is not overdue."""
    return [runner for runner in runners(store) if runner.connected]


def run_rows() -> Any:
    claims, events, runners, runs = schema.claims, schema.events, schema.runners, schema.runs
    return (select(runs, claims.c.expires_at, claims.c.stop_requested, claims.c.waits_for, runners.c.next_beat_by,
                   _newest_event(events.c.seq, runs.c.id).scalar_subquery().label("last_event_id"),
                   _newest_event(events.c.at, runs.c.id).scalar_subquery().label("last_event_at"))
            .outerjoin(claims, claims.c.run == runs.c.id)
            .outerjoin(runners, runners.c.owner == claims.c.owner))


def _newest_event(column: Any, run: Any) -> Any:
    """Select a column of a run's newest event: one lookup in the (run, seq) index, however many events there are."""
    events = schema.events
    return select(column).where(events.c.run == run).order_by(events.c.seq.desc()).limit(1)


def run_of(row: Row[Any]) -> Run:
    values = values_of(row, json_fields=("plan",))
    expires_at, next_beat_by = values.pop("expires_at"), values.pop("next_beat_by")
    overdue = next_beat_by is not None and next_beat_by < time.time()
    if values["work"] == "running" and (overdue or not lease_valid(expires_at)):
        values["work"] = "lost"
    values["config"] = _config(values["config"])
    values["flow"] = _flow(values["flow"] or "[]")
    values |= {"tags": tuple(json.loads(values["tags"])) if values["tags"] else (), "note": values["note"] or "",
               "archived": bool(values["archived"]), "group": values.pop("group_name")}
    return Run(**values)


# Many runs share the same configuration text, and pages query them repeatedly.
_config = functools.lru_cache(maxsize=1000)(from_json)


@functools.lru_cache(maxsize=100)
def _flow(text: str) -> tuple[FlowRow, ...]:
    return tuple(FlowRow(**item) for item in json.loads(text))
