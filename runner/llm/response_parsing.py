"""Parse the body of a chat completion leniently: compatible servers omit fields, add some, or send null. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runner.llm.chat import Completion
from runner.llm.errors import EndpointUnavailable, UnreadableReply
from runner.llm.unicode_repair import storable

_LENGTH_REASONS = frozenset(("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length",
                             "token_limit"))
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
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


def parse_completion(body: str, address: str) -> Completion:
    """The completion in a response body.

    Raises:
        EndpointUnavailable: the body is not JSON, or states an error: no such endpoint talks like this.
        UnreadableReply: JSON without a choice in it.
    """
    try:
        value = json.loads(body)
    except ValueError:
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
    finish = str(choice.get("finish_reason") or "stop")
    reasoning = next((text for name in _REASONING_FIELDS if (text := _text(message.get(name)))), "")
    return Completion(text=storable(_text(message.get("content")) or _text(choice.get("text"))),
                      finish="length" if finish.lower() in _LENGTH_REASONS else storable(finish),
                      **_tokens(_dict(value.get("usage"))),
                      refusal=storable(_text(message.get("refusal"))) or None,
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
    if "choices" not in value and any(isinstance(value.get(name), str | list) and value[name]
                                      for name in ("detail", "message")):
        return _error_of(value)
    return None


def _error_of(error: Any, around: dict[str, Any] | None = None) -> ErrorBody:
    if not isinstance(error, dict):
        error = {**(around or {}), "message": error if isinstance(error, str) else json.dumps(error)}
    message = next((error[name] for name in ("message", "detail", "error", "msg") if error.get(name)), error)
    codes = [error.get(name) for name in ("code", "status", "type", "status_code")]
    status = next((number for code in codes if (number := _status(code))), None)
    return ErrorBody(message if isinstance(message, str) else json.dumps(message),
                     " ".join(code for code in codes if isinstance(code, str)), status, _text(error.get("param")))


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
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
