"""Query a run's cycles, stages, logged metrics and paired changes; and how long stages took in past runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, true

from store import schema
from store.database import Store
from store.events import ChangeRecord, MetricLogged
from store.events import from_json as event_from_json
from store.queries.row_mapping import rows_of, values_of
from store.run_config import RunConfig, from_json
from store.timestamps import parse


@dataclass(frozen=True)
class Cycle:
    """One cycle of a run. `work`: running, finished, not tuned (fine-tuning was off), no adapter (training failed)."""

    run: str
    cycle: int
    work: str
    verdict: str | None
    sentence: str | None
    adapter: str | None
    adapter_sha256: str | None
    training: Mapping[str, Any] | None
    training_seconds: float | None
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None


@dataclass(frozen=True)
class StageState:
    """One stage of one cycle; cycle 0 is the run itself. `work`: running, finished, failed."""

    cycle: int
    stage: str
    doer: str
    work: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    path: str | None
    sha256: str | None
    inputs_sha256: str | None
    size_bytes: int | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ChangeRow(ChangeRecord):
    """A recorded paired change with its run and cycle."""

    run: str
    cycle: int


@dataclass(frozen=True)
class Point:
    """One logged value of a metric."""

    key: str
    cycle: int
    stage: str
    step: int
    value: float | None
    unit: str
    at: datetime


@dataclass(frozen=True)
class PastStage:
    """The duration of a finished stage with its run's configuration, the data for time estimates."""

    run: str
    config: RunConfig
    cycle: int
    stage: str
    seconds: float


def cycles_of(store: Store, run: str) -> list[Cycle]:
    """Return a run's cycles in order."""
    return [Cycle(**values_of(row, json_fields=("training",)))
            for row in rows_of(store, schema.cycles, run, schema.cycles.c.cycle)]


def stages_of(store: Store, run: str) -> list[StageState]:
    """Return a run's stages in the order in which they started."""
    rows = rows_of(store, schema.stages, run, schema.stages.c.started_at)
    return [StageState(**{key: value for key, value in values_of(row).items() if key != "run"}) for row in rows]


def changes_of(store: Store, run: str, cycle: int | None = None) -> list[ChangeRow]:
    """Return the paired changes of a run, or of one of its cycles."""
    table = schema.changes
    of_cycle = () if cycle is None else (table.c.cycle == cycle,)
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.run == run, *of_cycle).order_by(
            table.c.cycle, table.c.tier, table.c.metric, table.c.topic))
        return [ChangeRow(**row._mapping) for row in rows]


def compared_cycles(store: Store) -> dict[str, list[int]]:
    """Return, per run, the cycles in which baseline and tuned answers were compared."""
    table = schema.changes
    with store.read() as connection:
        rows = connection.execute(select(table.c.run, table.c.cycle).distinct().order_by(table.c.run, table.c.cycle))
        found: dict[str, list[int]] = {}
        for row in rows:
            found.setdefault(row.run, []).append(row.cycle)
    return found


def series(store: Store, run: str, key: str) -> list[Point]:
    """Return all logged values of one metric of a run, by cycle and step."""
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.run == run, table.c.key == key)
                                  .order_by(table.c.cycle, table.c.step)).all()
    return [Point(row.key, row.cycle, row.stage, row.step, row.value, row.unit, parse(row.at)) for row in rows]


def all_series(store: Store, run: str) -> list[Point]:
    """Return all logged values of every metric of a run."""
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.run == run)).all()
    return [Point(row.key, row.cycle, row.stage, row.step, row.value, row.unit, parse(row.at)) for row in rows]


def logged_since(store: Store, run: str, seq: int) -> list[Point]:
    """Return the values that a run logged after its event number `seq`, in the order in which they were logged."""
    table = schema.events
    with store.read() as connection:
        rows = connection.execute(
            select(table.c.cycle, table.c.stage, table.c.at, table.c.payload)
            .where(table.c.run == run, table.c.seq > seq, table.c.kind == MetricLogged.event_type)
            .order_by(table.c.seq)).all()
    logged = [(row, event_from_json(MetricLogged.event_type, row.payload)) for row in rows]
    return [Point(event.key, row.cycle or 0, row.stage or "", event.step, event.value, event.unit, parse(row.at))
            for row, event in logged if isinstance(event, MetricLogged)]


def past_stages(store: Store, newest_runs: int = 50) -> list[PastStage]:
    """Return the durations of the finished stages of the newest runs, newest runs first."""
    stages, runs = schema.stages, schema.runs
    newest = (select(runs.c.id, runs.c.config, runs.c.requested_at).order_by(runs.c.requested_at.desc())
              .limit(newest_runs).subquery())
    with store.read() as connection:
        rows = connection.execute(
            select(stages.c.run, newest.c.config, stages.c.cycle, stages.c.stage, stages.c.seconds)
            .join(newest, newest.c.id == stages.c.run)
            .where(stages.c.work == "finished", stages.c.seconds.is_not(None))
            .order_by(newest.c.requested_at.desc(), stages.c.run, stages.c.cycle, stages.c.stage)).all()
    configs = {row.run: row.config for row in rows}
    decoded = {run: from_json(config) for run, config in configs.items()}
    return [PastStage(row.run, decoded[row.run], row.cycle, row.stage, row.seconds) for row in rows]


@dataclass(frozen=True)
class SuccessRate:
    """How many cycles with fine-tuning completed with a tuned and compared student."""

    succeeded: int
    ended: int
    """Includes cycles that failed or ended without an adapter, but not cancelled ones or ones without fine-tuning."""

    @property
    def ratio(self) -> float | None:
        """Share that succeeded, 0 to 1; None if no cycle has ended."""
        return self.succeeded / self.ended if self.ended else None


def success_rate(store: Store, run: str | None = None) -> SuccessRate:
    """Count succeeded and ended cycles of all runs, or of one."""
    cycles, runs = schema.cycles, schema.runs
    of_run = cycles.c.run == run if run else true()
    failed = and_(cycles.c.work == "running", runs.c.work == "failed")
    with store.read() as connection:
        rows = connection.execute(
            select(cycles.c.work, func.count()).join(runs, runs.c.id == cycles.c.run)
            .where(of_run, or_(cycles.c.work.in_(("finished", "no adapter")), failed)).group_by(cycles.c.work))
        counted = {row[0]: row[1] for row in rows}
    return SuccessRate(counted.get("finished", 0), sum(counted.values()))
