"""Find the error that a decoded response body states, in whichever of many forms. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runner.llm.response_body import first_choice, unwrapped

_MESSAGE_FIELDS = ("message", "detail", "error", "msg", "statusmsg", "reason", "errormsg", "errormessage", "err",
                   "errordescription", "faultstring", "description", "title")
"""Names of what an error says, without case and separators."""
_CODE_FIELDS = ("code", "status", "type", "statuscode", "httpcode", "httpstatus", "httpstatuscode", "errorcode",
                "errortype", "errcode")
_DEPTH = 5
"""How deeply errors within errors are looked into."""


@dataclass(frozen=True)
class ErrorBody:
    """An error as a body states it, in whichever form."""

    message: str
    code: str = ""
    """`code`, `type` or `status` of the error, separated by spaces."""
    status: int | None = None
    """The HTTP status that the body states, if any."""
    param: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the body states in place of HTTP headers: how long to wait."""


def find_error(value: Any) -> ErrorBody | None:
    """The error in a decoded body: an object, a text, in a list, in a choice, or in the body's own fields.

    A body with a usable choice is no error, whatever else it holds.
    """
    return _find(value, _DEPTH)


def _find(value: Any, depth: int) -> ErrorBody | None:
    value = unwrapped(value)
    if isinstance(value, list) and depth:
        return next((error for item in value if (error := _find(item, depth - 1))), None)
    if not isinstance(value, dict) or not depth:
        return None
    choice = first_choice(value) or {}
    if choice.get("error"):
        return _error_of(choice["error"], {}, depth)
    if choice:
        return None
    for name in ("error", "errors", "fault"):
        if value.get(name):
            return _error_of(value[name], value, depth)
    if isinstance(stated := value.get("base_resp"), dict) and stated.get("status_code"):
        return _error_of(stated, {}, depth)
    fields = _fields(value)
    if not value.get("choices") and any(_is_message(fields.get(name)) for name in _MESSAGE_FIELDS):
        return _error_of(value, {}, depth)
    return None


def _fields(value: Any) -> dict[str, Any]:
    """The fields of an object by their names in lower case without separators."""
    return {re.sub(r"[\W_]", "", str(name)).lower(): item for name, item in value.items()} \
        if isinstance(value, dict) else {}


def _is_message(value: Any) -> bool:
    """Whether a field of a body without choices states an error: a text, a list, or an object that holds one."""
    return bool(value) and (isinstance(value, str | list) or (
        isinstance(value, dict) and any(_fields(value).get(name) for name in _MESSAGE_FIELDS)))


def _error_of(error: Any, around: Mapping[str, Any], depth: int) -> ErrorBody:
    """The error in the value of an error's field; `around` has the fields beside it."""
    if isinstance(error, list) and error and _is_message(error[0]) and "loc" not in _fields(error[0]):
        error = error[0]  # a list of errors; one of places is told as a whole, because the places name the options
    if isinstance(error, dict):
        fields = _fields(error)
    else:
        beside = {name: item for name, item in _fields(around).items() if name not in ("error", "errors", "fault")}
        fields = beside if isinstance(error, bool) else {
            **beside, "message": error if isinstance(error, str) else json.dumps(error)}
    message = next((fields[name] for name in _MESSAGE_FIELDS if fields.get(name)), error)
    codes = [fields.get(name) for name in _CODE_FIELDS]
    metadata = fields.get("metadata") if isinstance(fields.get("metadata"), dict) else {}
    found = ErrorBody(message if isinstance(message, str) else json.dumps(message),
                      " ".join(code for code in codes if isinstance(code, str)),
                      next((number for code in codes if (number := _status(code))), None),
                      fields["param"] if isinstance(fields.get("param"), str) else "",
                      _stated_headers(fields, metadata or {}))
    if inner := _inner(message, depth):
        found = replace(found, message=inner.message, code=f"{found.code} {inner.code}".strip(),
                        status=found.status or inner.status, param=found.param or inner.param,
                        headers={**inner.headers, **found.headers})
    if cause := _cause((metadata or {}).get("raw"), depth):  # of a router's message, that of the provider behind it
        found = replace(found, message=f"{found.message}: {cause}")
    return found


def _inner(message: Any, depth: int) -> ErrorBody | None:
    """The error within an error's message: an object, or JSON as text."""
    if isinstance(message, str):
        opening = message.find("{")
        if opening < 0 or not message.rstrip().endswith("}"):
            return None
        try:
            value = json.loads(message[opening:])
        except (ValueError, RecursionError):
            return None
        found = _find(value, depth - 1)
        return replace(found, message=f"{message[:opening]}{found.message}") if found else None
    return _find(message, depth - 1) if isinstance(message, dict) else None


def _cause(raw: Any, depth: int) -> str:
    """The message in another server's error, which is a decoded body, or text with or without JSON in it."""
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        return str(raw)
    found = _find(value, depth - 1)
    return found.message if found else str(raw or "")


def _stated_headers(fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, str]:
    """The headers that a router quotes, and the delay of a `RetryInfo`."""
    quoted = metadata.get("headers")
    headers = {str(name).lower(): str(value) for name, value in quoted.items()} if isinstance(quoted, dict) else {}
    if isinstance(wait := fields.get("retryafter"), int | float | str) and not isinstance(wait, bool):
        headers["retry-after"] = str(wait)
    details = fields.get("details")
    for item in details if isinstance(details, list) else []:
        if isinstance(item, dict) and isinstance(item.get("retryDelay"), str):
            headers["retry-after"] = item["retryDelay"]
    return headers


def _status(code: Any) -> int | None:
    text = str(code).strip()
    return int(text) if text.isascii() and text.isdigit() and 400 <= int(text) < 600 else None
