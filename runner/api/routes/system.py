"""Schedules, the built-in documents, the state of this installation, and metrics for Prometheus."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from knowledge.domain import counts, kubernetes
from runner.api.access import Asking
from runner.api.context import ApiContext, Context
from runner.api.metrics import CONTENT_TYPE, metrics_text
from runner.api.problems import NotFound, responses
from store import queries
from store.commands import schedules
from store.commands.recurrence import Recurrence, timing_errors
from store.permissions import require_permission
from store.queries import RunnerState, Schedule
from store.run_config import InvalidConfig
from store.typed_settings import config_of_values

router = APIRouter(tags=["system"])
ScheduleName = Annotated[str, Path(max_length=64, examples=["nightly"])]


class ScheduleRequest(BaseModel):
    """A recurring run: either a cron expression or an interval."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"name": "nightly", "cron": "0 2 * * mon-fri", "zone": "Europe/Berlin", "settings": {"questions": 20}}]})

    name: str
    cron: str | None = None
    """Five fields, such as `0 2 * * mon-fri`."""
    every_seconds: int | None = None
    zone: str = "UTC"
    settings: dict[str, Any] = {}
    skip_if_queued: bool = True
    """Whether no run is queued while the one before it is queued or running."""
    priority: int = Field(0, ge=-1_000_000, le=1_000_000)


class ScheduleView(BaseModel):
    """A schedule and the outcome of its last occurrence."""

    name: str
    cron: str | None
    every_seconds: int | None
    zone: str
    skip_if_queued: bool
    priority: int
    added_by: str
    added_at: datetime
    enabled: bool
    next_due_at: datetime | None
    last_due_at: datetime | None
    last_outcome: str | None
    last_run: str | None
    last_message: str | None
    settings: dict[str, Any]


class TopicCounts(BaseModel):
    """One topic of the documents."""

    topic: str
    source: str
    passages: int
    questions: int


class DoctorView(BaseModel):
    """What can run here: a section per subject, as `python -m runner doctor --json` prints it."""

    sections: dict[str, dict[str, Any]]


class Health(BaseModel):
    """Whether the interface answers, and who executes runs."""

    status: Literal["ok"]
    events: int
    """Events in the store."""
    runners: list[RunnerState]
    """Empty: no run is executed until `python -m runner serve` is started."""


@router.get("/health", include_in_schema=False)
def health() -> dict[str, str]:
    """Say that the interface answers; no token is needed."""
    return {"status": "ok"}


@router.get("/v1/status", responses=responses())
def get_status(context: Context, asking: Asking) -> Health:
    """Get the number of events and the runners that are online."""
    return Health(status="ok", events=context.feed.newest(), runners=queries.connected_runners(context.store))


@router.get("/metrics", response_class=PlainTextResponse,
            responses=responses() | {200: {"content": {"text/plain": {}}, "description": "Prometheus text format"}})
def get_metrics(context: Context, asking: Asking) -> PlainTextResponse:
    """Get metrics for Prometheus."""
    return PlainTextResponse(metrics_text(context.store), media_type=CONTENT_TYPE)


@router.get("/v1/doctor", responses=responses())
async def get_doctor(context: Context, asking: Asking) -> DoctorView:
    """Examine the machine of this interface, the store and the data folder; takes seconds."""
    return DoctorView(sections=await run_in_threadpool(context.doctor))


@router.get("/v1/knowledge", responses=responses())
def list_knowledge(context: Context, asking: Asking) -> list[TopicCounts]:
    """List the topics of the built-in documents with their passages and questions."""
    return [TopicCounts(topic=topic, source=source, **dataclasses.asdict(count))
            for topic, sources in counts(kubernetes()).items() for source, count in sources.items()]


@router.get("/v1/schedules", responses=responses())
def list_schedules(context: Context, asking: Asking) -> list[ScheduleView]:
    """List the recurring runs."""
    return [_view(schedule) for schedule in queries.schedules(context.store)]


@router.post("/v1/schedules", status_code=201, responses=responses(400, 413))
def add_schedule(request: ScheduleRequest, context: Context, asking: Asking) -> ScheduleView:
    """Add a recurring run."""
    require_permission(asking.role, "schedule")
    timing = Recurrence(request.cron, request.every_seconds, request.zone)
    try:
        config = config_of_values(request.settings)
    except InvalidConfig as error:
        raise InvalidConfig([*timing_errors(timing), *error.errors]) from error
    if errors := context.launch_errors(config):
        raise InvalidConfig([*timing_errors(timing), *errors])
    schedules.add(context.store, request.name, timing, config, asking.name, request.skip_if_queued, request.priority,
                  asking.role)
    return _view(_known(context, request.name))


@router.post("/v1/schedules/{name}/{action}", status_code=202, responses=responses(404, 409, 413))
def change_schedule(name: ScheduleName, action: Literal["pause", "resume"], context: Context,
                    asking: Asking) -> ScheduleView:
    """Pause or resume a recurring run."""
    require_permission(asking.role, "schedule")
    _known(context, name)
    {"pause": schedules.pause, "resume": schedules.resume}[action](context.store, name, asking.role)
    return _view(_known(context, name))


@router.delete("/v1/schedules/{name}", status_code=204, responses=responses(404, 409, 413))
def remove_schedule(name: ScheduleName, context: Context, asking: Asking) -> None:
    """Remove a schedule; its runs stay."""
    require_permission(asking.role, "schedule")
    _known(context, name)
    schedules.remove(context.store, name, asking.role)


def _known(context: ApiContext, name: str) -> Schedule:
    found = queries.find_schedule(context.store, name)
    if found is None:
        raise NotFound(f"no schedule {name!r}: list them with GET /v1/schedules")
    return found


def _view(schedule: Schedule) -> ScheduleView:
    shared = {name: getattr(schedule, name) for name in ScheduleView.model_fields if name != "settings"}
    return ScheduleView(settings=dataclasses.asdict(schedule.config), **shared)
