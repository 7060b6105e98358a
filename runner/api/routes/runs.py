"""Launch, list and control runs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from runner.api.access import Asking
from runner.api.context import ApiContext, Context
from runner.api.metrics import STATES
from runner.api.pages import Cursor, Limit, Page, cursor_position, cursor_text
from runner.api.problems import NotFound, responses
from runner.errors import UserError
from store import commands, queries
from store.commands import CommandRefused
from store.files import sha256_of
from store.permissions import require_permission
from store.queries import HistoryFilter, Run
from store.run_config import InvalidConfig
from store.statistics.verdict import NOT_MEASURED, TESTED, TOO_FEW
from store.timestamps import as_text
from store.typed_settings import config_of_values

router = APIRouter(prefix="/v1", tags=["runs"])
RunId = Annotated[str, Path(max_length=64, examples=["20261130-101500-1a2b3c4d"], description="The run's id.")]
VERDICTS = (*TESTED, TOO_FEW, NOT_MEASURED)
_POSITION = {"at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
             "run": re.compile("[!-~]{1,64}")}
Key = Annotated[str | None, Header(
    alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
    description="Names this command: the same key again is the same command, and executed once. Without it a request "
                "that is sent again is a second command.")]


class Action(StrEnum):
    """What can be asked of a run; `store.commands.TRANSITIONS` has the states in which it is allowed."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"


class LaunchRequest(BaseModel):
    """A run to queue."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"settings": {"preset": "embedded", "name": "nightly", "questions": 20, "cycles": 2}, "priority": 0}]})

    settings: dict[str, Any] = {}
    """Settings of the run by name, as in the table of runner/cli/README.md; one that is not named has its preset's
    value."""
    priority: int = Field(0, ge=-1_000_000, le=1_000_000)
    """Higher runs first."""


class RunView(BaseModel):
    """The current state of a run."""

    id: str
    name: str
    state: str
    """queued, running, waiting-for-batch, waiting-for-review, paused, finished, failed, cancelled, or lost: its runner
    is gone, and the next one continues it."""
    verdict: str | None
    """About the result, null before there is one; `state` is about the work."""
    sentence: str | None
    """The verdict with its numbers."""
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    priority: int
    group: str
    cycle: int | None
    stage: str | None
    done: int | None
    total: int | None
    unit: str | None
    """Of `done` and `total`, the progress of the stage."""
    stop_requested: str | None
    error_kind: str | None
    error: str | None
    advice: str | None
    tags: list[str]
    note: str
    archived: bool
    settings: dict[str, Any]
    """Every setting, those of the preset too."""


def view_of(run: Run) -> RunView:
    """Return a run as this interface shows it."""
    shared = {name: getattr(run, name) for name in RunView.model_fields if name not in ("state", "tags", "settings")}
    return RunView(state=run.work, tags=list(run.tags), settings=dataclasses.asdict(run.config), **shared)


def known_run(context: ApiContext, run: str) -> Run:
    """Return a run.

    Raises:
        NotFound: there is none with this id.
    """
    found = queries.find_run(context.store, run)
    if found is None:
        raise NotFound(f"no run {run[:64]!r}: list them with GET /v1/runs")
    return found


@router.post("/runs", status_code=201, responses=responses(400, 409, 413))
def launch_run(request: LaunchRequest, context: Context, asking: Asking, response: Response,
               key: Key = None) -> RunView:
    """Queue a run. A runner executes it: `python -m runner serve`."""
    require_permission(asking.role, "launch")
    config = config_of_values(request.settings)
    token = command_token(asking.name, "launch", key)
    earlier = commands.find_command(context.store, token) if token else None
    if earlier is None and (errors := context.launch_errors(config)):
        raise InvalidConfig(errors)
    run = commands.launch_run(context.store, config, asking.name, token, request.priority, asking.role)
    found = known_run(context, run)
    if found.config != config:
        raise CommandRefused(f"the key {key!r} has launched the run {run} with other settings: use another key")
    response.headers["Location"] = f"/v1/runs/{run}"
    return view_of(found)


@router.get("/runs", responses=responses())
def list_runs(context: Context, asking: Asking, limit: Limit = 50, cursor: Cursor = "",
              state: Annotated[str, Query(max_length=40)] = "", verdict: Annotated[str, Query(max_length=60)] = "",
              group: Annotated[str, Query(max_length=100)] = "",
              words: Annotated[str, Query(max_length=200, description="Part of the name, id, group, a tag, the note, "
                                          "teacher, student or documents.")] = "",
              archived: bool = False, order: Literal["newest", "oldest"] = "newest") -> Page[RunView]:
    """List runs."""
    _require_one_of("state", state, STATES)
    _require_one_of("verdict", verdict, VERDICTS)
    wanted = HistoryFilter(words, state, verdict, archived, order, group=group)
    filters = sha256_of(f"{context.store.made_at()} {wanted!r}".encode())[:16]
    position = cursor_position(cursor, _is_position, list=filters)
    found = queries.found_runs(context.store, wanted, limit + 1,
                               after=(position["at"], position["run"]) if position else None)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=[view_of(run) for run in found[:limit]], next=None if last is None else cursor_text(
        list=filters, at=as_text(last.requested_at), run=last.id))


def _require_one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value and value not in known:
        raise UserError(f"{name} {value!r} is none that a run can have: use {', '.join(known)}")


def _is_position(found: dict[str, Any]) -> bool:
    return all(isinstance(found.get(name), str) and form.fullmatch(found[name]) for name, form in _POSITION.items())


@router.get("/queue", responses=responses())
def list_queue(context: Context, asking: Asking) -> list[RunView]:
    """List the queued runs in the order in which they will be executed."""
    return [view_of(run) for run in queries.queue(context.store)]


@router.get("/runs/{run}", responses=responses(404))
def get_run(run: RunId, context: Context, asking: Asking) -> RunView:
    """Get one run."""
    return view_of(known_run(context, run))


@router.post("/runs/{run}/{action}", status_code=202, responses=responses(404, 409, 413))
def change_run(run: RunId, action: Action, context: Context, asking: Asking, key: Key = None) -> RunView:
    """Pause, resume, cancel or retry a run. One that is being executed stops after its current item."""
    require_permission(asking.role, action.value)
    known_run(context, run)
    commands.change_run_state(context.store, action.value, run,
                              command_token(asking.name, f"{action.value} {run}", key), asking.role)
    return view_of(known_run(context, run))


def command_token(caller: str, command: str, key: str | None) -> str | None:
    """The store's token of a command; None without a key. A key is the caller's own, and of one command."""
    return sha256_of(f"api\n{caller}\n{command}\n{key}".encode())[:32] if key else None
