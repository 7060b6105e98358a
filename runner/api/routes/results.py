"""What a run has measured: cycles, scores, verdict, answers, logged series, and its files."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel

from runner.api.access import Asking
from runner.api.context import ApiContext, Context
from runner.api.pages import Cursor, Page, cursor_position, cursor_text, is_number
from runner.api.problems import NotFound, responses
from runner.api.routes.runs import RunId, known_run
from store import queries
from store.queries import AnswerPair, ChangeRow
from store.report import as_json, gather

router = APIRouter(prefix="/v1/runs/{run}", tags=["results"])
CycleNumber = Annotated[int | None, Query(ge=1, le=1000, description="One cycle; by default the last one.")]


class CycleView(BaseModel):
    """One cycle of a run."""

    cycle: int
    state: str
    """running, finished, not tuned (fine-tuning was off), no adapter (training failed)"""
    verdict: str | None
    sentence: str | None
    adapter_sha256: str | None
    training: dict[str, Any] | None
    """Steps, losses and tokens of the training; null before it."""
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None


class VerdictView(BaseModel):
    """What a run says of its student, and the paired change that it is based on."""

    run: str
    state: str
    verdict: str | None
    sentence: str | None
    metric: str
    tier: str
    """The questions that decide: `paraphrase` (taught facts) or `held-out` (facts never taught)."""
    cycle: int | None
    change: ChangeRow | None
    """Null before a cycle has been compared."""


class SeriesPoint(BaseModel):
    """One logged value."""

    cycle: int
    stage: str
    step: int
    value: float | None
    unit: str
    at: datetime


class Artefact(BaseModel):
    """One file of a run: checkpoints, adapters and what was read."""

    path: str
    size_bytes: int


@router.get("/cycles", responses=responses(404))
def list_cycles(run: RunId, context: Context, asking: Asking) -> list[CycleView]:
    """List the cycles of a run."""
    known_run(context, run)
    shared = [name for name in CycleView.model_fields if name not in ("state", "training")]
    return [CycleView(state=cycle.work, training=dict(cycle.training) if cycle.training else None,
                      **{name: getattr(cycle, name) for name in shared})
            for cycle in queries.cycles_of(context.store, run)]


@router.get("/scores", responses=responses(404))
def list_scores(run: RunId, context: Context, asking: Asking, cycle: CycleNumber = None) -> list[ChangeRow]:
    """List the paired changes of every metric, tier and topic, of all cycles or one."""
    known_run(context, run)
    return queries.changes_of(context.store, run, cycle)


@router.get("/verdict", responses=responses(404))
def get_verdict(run: RunId, context: Context, asking: Asking) -> VerdictView:
    """Get the verdict with the change of the headline metric on the headline test in the last compared cycle."""
    found = known_run(context, run)
    deciding = [row for row in queries.changes_of(context.store, run) if not row.topic
                and (row.metric, row.tier) == (found.config.headline, found.config.headline_tier)]
    last = max(deciding, key=lambda row: row.cycle, default=None)
    return VerdictView(run=run, state=found.work, verdict=found.verdict, sentence=found.sentence,
                       metric=found.config.headline, tier=found.config.headline_tier,
                       cycle=last.cycle if last else None, change=last)


@router.get("/answers", responses=responses(404))
def list_answers(run: RunId, context: Context, asking: Asking, cycle: CycleNumber = None, cursor: Cursor = "",
                 limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Page[AnswerPair]:
    """List the questions of a cycle with their references, both answers and all scores."""
    known_run(context, run)
    position = cursor_position(cursor, lambda found: is_number(found.get("cycle")), run=run,
                               **({"cycle": cycle} if cycle else {}))
    cycle = cycle or position.get("cycle") or max(
        (one.cycle for one in queries.cycles_of(context.store, run)), default=1)
    pairs = sorted(queries.answers_of(context.store, run, cycle), key=lambda pair: pair.question)
    after = str(position.get("after", ""))
    left = [pair for pair in pairs if pair.question > after]
    following = cursor_text(run=run, cycle=cycle, after=left[limit - 1].question) if len(left) > limit else None
    return Page(items=left[:limit], next=following)


@router.get("/series", responses=responses(404))
def get_series(run: RunId, context: Context, asking: Asking,
               key: Annotated[str, Query(max_length=100, examples=["loss"])]) -> list[SeriesPoint]:
    """Get the logged values of one metric, such as the training loss, by cycle and step."""
    known_run(context, run)
    return [SeriesPoint(**{name: getattr(point, name) for name in SeriesPoint.model_fields})
            for point in queries.series(context.store, run, key)]


@router.get("/report", responses=responses(404) | {200: {"content": {"application/json": {}}}},
            response_class=Response)
def get_report(run: RunId, context: Context, asking: Asking) -> Response:
    """Get the evidence pack of a run, which `verify-pack` checks."""
    evidence = gather(context.store, known_run(context, run).id, None)
    assert evidence is not None
    return Response(as_json(evidence), media_type="application/json")


@router.get("/artefacts", responses=responses(404))
def list_artefacts(run: RunId, context: Context, asking: Asking) -> list[Artefact]:
    """List the files of a run that are on the machine of this interface."""
    folder = context.paths.run(known_run(context, run).id)
    found = []
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a running run replaces its files
            if path.is_file() and not path.name.endswith(".tmp"):
                found.append(Artefact(path=_name(path.relative_to(folder)), size_bytes=path.stat().st_size))
    return found


@router.get("/artefacts/{path:path}", response_class=FileResponse,
            responses=responses(404, 416) | {
                200: {"content": {"application/octet-stream": {}}, "description": "The file"},
                206: {"content": {"application/octet-stream": {}}, "description": "The range that was asked for"}})
def get_artefact(run: RunId, path: Annotated[str, Path(max_length=500)], context: Context,
                 asking: Asking) -> FileResponse:
    """Get one file of a run, or with the header Range a part of it."""
    return FileResponse(artefact_file(context, known_run(context, run).id, path),
                        media_type="application/octet-stream", filename=FilePath(path).name)


def _name(path: FilePath) -> str:
    """A path as text; bytes that are none are shown as such, because JSON cannot hold them."""
    return os.fsencode(path).decode(errors="backslashreplace")


def artefact_file(context: ApiContext, run: str, path: str) -> FilePath:
    """Return the file of a run at a path within its folder.

    Raises:
        NotFound: there is no such file within the folder, links followed.
    """
    folder = context.paths.run(run).resolve()
    try:
        file = (folder / path).resolve()
        if file.is_relative_to(folder) and file.is_file():
            return file
    except (OSError, ValueError):  # a name that no file can have
        pass
    raise NotFound(f"run {run} has no file {path[:100]!r}: list them with GET /v1/runs/{run}/artefacts")
