"""Parse the body of a chat completion leniently: compatible servers omit fields, add some, or send null. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.llm.chat import Completion
from runner.llm.errors import EndpointUnavailable, UnreadableReply
from runner.llm.unicode_repair import storable

_LENGTH_REASONS = frozenset(("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length",
                             "token_limit"))
_FILTERED = re.compile(r"content_?filter|safety|recitation|sensitive|refus|prohibited|blocklist|spii|moderation|"
                       r"guardrail", re.I)
"""Reasons for the end of a reply that mean that its content was refused."""
_MESSAGE_FIELDS = ("message", "detail", "error", "msg", "status_msg", "reason")
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
CONTENT_FILTER = "content_filter"
REASONING_CHARACTERS = 200
"""How much of separately returned reasoning is kept, for error messages."""


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


def parse_completion(body: str, address: str) -> Completion:
    """The completion in a response body.

    Raises:
        EndpointUnavailable: the body is not JSON, or states an error: no such endpoint talks like this.
        UnreadableReply: JSON without a choice in it.
    """
    try:
        value = json.loads(body.lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError):
        raise EndpointUnavailable(f"{address} answers, but not with JSON ({body.strip()[:60]!r}): check that the "
                                  "address is "
                                  "that of an OpenAI-compatible API (most end in /v1)") from None
    if error := find_error(value):
        raise EndpointUnavailable(f"{address} reports an error ({error.message[:200]}): try later")
    choice = _first_choice(value)
    if choice is None:
        raise UnreadableReply(f"the reply of {address} holds no choice ({body.strip()[:60]!r}): "
                              "retry, or check that the address is that of a chat completions API")
    message = _dict(choice.get("message"))
    finish = storable(str(choice.get("finish_reason") or "stop"))
    filtered = bool(_FILTERED.match(finish))
    refusal = storable(_text(message.get("refusal"))) or (finish if filtered and finish != CONTENT_FILTER else None)
    reasoning = next((text for name in _REASONING_FIELDS if (text := _text(message.get(name)))), "")
    return Completion(text=storable(_text(message.get("content")) or _text(choice.get("text"))),
                      finish="length" if finish.lower() in _LENGTH_REASONS else CONTENT_FILTER if filtered else finish,
                      **_tokens(_dict(value.get("usage"))),
                      refusal=refusal,
                      reasoning=storable(reasoning)[:REASONING_CHARACTERS])


def _tokens(usage: dict[str, Any]) -> dict[str, int | None]:
    """The token counts of a completion. Where a server counts reasoning apart from the completion, the total tells;
    reasoning is billed as completion."""
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens"))
    details = _dict(usage.get("completion_tokens_details")) or _dict(usage.get("output_tokens_details"))
    reasoning = _count(details.get("reasoning_tokens"))
    reasoning = _count(usage.get("reasoning_tokens")) if reasoning is None else reasoning
    if completion is not None and reasoning and total == (prompt or 0) + completion + reasoning:
        completion += reasoning
    return {"prompt_tokens": prompt, "completion_tokens": completion, "reasoning_tokens": reasoning}


def find_error(value: Any) -> ErrorBody | None:
    """The error in a decoded body: an object, a text, in a list, in a choice, or in the body's own fields.

    A body with a usable choice is no error, whatever else it holds.
    """
    if isinstance(value, list):
        return next((error for item in value if (error := find_error(item))), None)
    if not isinstance(value, dict):
        return None
    choice = _first_choice(value) or {}
    if choice.get("error"):
        return _error_of(choice["error"])
    if choice:
        return None
    if value.get("error"):
        return _error_of(value["error"], value)
    if isinstance(value.get("errors"), list) and value["errors"]:
        return _error_of(value["errors"][0])
    if isinstance(stated := value.get("base_resp"), dict) and stated.get("status_code"):
        return _error_of(stated)
    if "choices" not in value and any(_is_message(value.get(name)) for name in _MESSAGE_FIELDS):
        return _error_of(value)
    return None


def _is_message(value: Any) -> bool:
    """Whether a field of a body without choices states an error: a text, a list, or an object that holds one."""
    return bool(value) and (isinstance(value, str | list) or (
        isinstance(value, dict) and any(value.get(name) for name in _MESSAGE_FIELDS)))


def _error_of(error: Any, around: dict[str, Any] | None = None) -> ErrorBody:
    if not isinstance(error, dict):
        error = {**(around or {}), "message": error if isinstance(error, str) else json.dumps(error)}
    message = next((error[name] for name in _MESSAGE_FIELDS if error.get(name)), error)
    if isinstance(message, dict) and (inner := find_error(message)):
        message = inner.message
    metadata = _dict(error.get("metadata"))
    if cause := _cause(metadata.get("raw")):  # of a router's own message, that of the provider behind it
        message = f"{message}: {cause}"
    codes = [error.get(name) for name in ("code", "status", "type", "status_code")]
    status = next((number for code in codes if (number := _status(code))), None)
    return ErrorBody(message if isinstance(message, str) else json.dumps(message),
                     " ".join(code for code in codes if isinstance(code, str)), status, _text(error.get("param")),
                     _stated_headers(error, metadata))


def _cause(raw: Any) -> str:
    """The message in another server's error, which is a decoded body, or text with or without JSON in it."""
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        return str(raw)
    found = find_error(value)
    return found.message if found else str(raw or "")


def _stated_headers(error: dict[str, Any], metadata: dict[str, Any]) -> dict[str, str]:
    """The headers that a router quotes, and the delay of a `RetryInfo`."""
    headers = {str(name).lower(): str(value) for name, value in _dict(metadata.get("headers")).items()}
    details = error.get("details")
    for item in details if isinstance(details, list) else []:
        if isinstance(item, dict) and isinstance(item.get("retryDelay"), str):
            headers["retry-after"] = item["retryDelay"]
    return headers


def _status(code: Any) -> int | None:
    text = str(code).strip()
    return int(text) if text.isascii() and text.isdigit() and 400 <= int(text) < 600 else None


def _first_choice(value: Any) -> dict[str, Any] | None:
    choices = value.get("choices") if isinstance(value, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _text(content: Any) -> str:
    """The text of a message's content: a string, or a list of parts with text."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    if (isinstance(value, float) and value.is_integer()) or (isinstance(value, str) and value.isdecimal()):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
