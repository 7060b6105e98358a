"""Errors as problem+json (RFC 9457), with the sentences that the command line prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from runner.api.operation import range_of
from runner.errors import UserError
from store.commands import CommandRefused
from store.commands.schedules import InvalidSchedule
from store.costs.prices import InvalidPrices
from store.database import StoreError
from store.event_log.event_numbers import UnknownEventNumber
from store.permissions import PermissionDenied
from store.run_config import InvalidConfig

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Why a request was refused; nothing was written."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "type": "about:blank", "title": "Unprocessable Content", "status": 422,
        "detail": "questions 2000 is out of range: use 1 to 1000",
        "errors": ["questions 2000 is out of range: use 1 to 1000"]}]})

    type: str
    """`about:blank`: the status says what kind of problem it is."""
    title: str
    status: int
    detail: str
    """One sentence or more, with the value and the way out."""
    errors: list[str] = []
    """One sentence for each invalid value."""


class NotFound(LookupError):
    """There is no such thing; the message says where those that exist are listed."""


class Unauthorized(PermissionError):
    """No valid token was sent."""


class TooManyRequests(RuntimeError):
    """The caller asks more often than it may."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


STATUS_OF: dict[type[Exception], int] = {
    InvalidConfig: 422, InvalidSchedule: 422, UserError: 422, InvalidPrices: 503,
    UnknownEventNumber: 409, CommandRefused: 409, NotFound: 404,
    Unauthorized: 401, PermissionDenied: 403, TooManyRequests: 429,
    StoreError: 503, OperationalError: 503, InterfaceError: 503,
}
"""The HTTP status of each error; the most specific class counts."""
_RANGE_FAULTS = ("greater_than_equal", "less_than_equal", "int_parsing_size")
_BUSY = "the store does not answer in time: try again"
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of the errors of a path, with those that every path can have."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _title(status), "content": content}
            for status in sorted({401, 403, 422, 429, 503, *statuses})}


def problem(status: int, detail: str, errors: Sequence[str] = (), headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem+json response."""
    body = Problem(type="about:blank", title=_title(status), status=status, detail=detail, errors=list(errors))
    return JSONResponse(body.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Answer each known error with its problem; any other one stays a 500."""
    for kind in STATUS_OF:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)


def _title(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase


async def _known(request: Request, error: Exception) -> Response:
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    busy = isinstance(error, OperationalError | InterfaceError)
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(status, {})
    if isinstance(error, TooManyRequests):
        headers = {"Retry-After": str(max(1, round(error.wait_seconds)))}
    return problem(status, _BUSY if busy else str(error), getattr(error, "errors", ()), headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code in (404, 405):
        detail = f"{request.method} {request.url.path} is no path of this interface: see /docs"
    elif error.status_code == 400:
        detail = "the body is no JSON in UTF-8"
    return problem(error.status_code, detail, (), error.headers)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    sentences = [_sentence(request, fault) for fault in error.errors()]
    return problem(422, "; ".join(sentences), sentences)


def _sentence(request: Request, fault: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence that names the field and the value."""
    place = [str(part) for part in fault["loc"] if part not in ("body", "query", "path", "header")]
    name = ".".join(place) or "the body"
    if fault["type"] == "extra_forbidden":
        return f"{name} is no field of this request"
    if fault["type"] == "json_invalid":
        return f"the body is no JSON: {fault.get('ctx', {}).get('error', fault['msg'])}"
    if fault["type"] in _RANGE_FAULTS and (limits := range_of(request, fault["loc"])):
        return f"{name} {str(fault.get('input'))[:60]} is out of range: use {limits[0]:.0f} to {limits[1]:.0f}"
    if tuple(fault["loc"]) == ("body",) and isinstance(fault.get("input"), bytes):
        return "the body is not sent as JSON: add the header 'Content-Type: application/json'"
    value = "" if fault["type"] == "missing" else f" {str(fault.get('input'))[:60]!r}"
    return f"{name}{value}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
