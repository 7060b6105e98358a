"""The files of a batch: one request a line, and one reply or error a line. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.llm.chat import ChatRequest, Completion
from runner.llm.error_body import find_error
from runner.llm.errors import TeacherError
from runner.llm.response_body import decode_body
from runner.llm.response_parsing import parse_completion
from store.costs.prices import cost_usd
from store.events import FailedLine

MAX_CALLS = 50_000
"""The most requests of a batch, by OpenAI's documentation."""
MAX_FILE_BYTES = 190_000_000
"""A little less than the largest file that OpenAI takes for a batch (200 MB)."""
ENDPOINT = "/v1/chat/completions"
PROMPT_OVERHEAD_TOKENS = 50
_NOT_MADE = ("batch_expired", "batch_cancelled")
"""Error codes of calls that were not made, because their batch ended before."""
_MESSAGE_LENGTH = 300


@dataclass(frozen=True)
class Replies:
    """What the output file and the error file of a batch hold, by key."""

    completions: Mapping[str, Completion]
    failures: Mapping[str, FailedLine]
    """Calls that were made and failed; those that were not made are in neither."""


def request_line(key: str, body: Mapping[str, Any]) -> str:
    """One line of the file of requests."""
    return json.dumps({"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body})


def upper_bound_usd(model: str, request: ChatRequest) -> float | None:
    """The most that a call may cost in a batch: a token has at least one byte, and the reply its full length."""
    texts = (request.system, request.user, json.dumps(dict(request.schema)))
    prompt = sum(len(text.encode()) for text in texts) + PROMPT_OVERHEAD_TOKENS
    return cost_usd(model, prompt, request.max_tokens, batched=True)


def read_replies(text: str, address: str) -> Replies:
    """The replies and failures in a file; a line that cannot be read is left out, so that its call is asked again."""
    completions: dict[str, Completion] = {}
    failures: dict[str, FailedLine] = {}
    for line in filter(None, map(str.strip, text.lstrip("\ufeff").split("\n"))):  # a string may hold other line ends
        try:
            found = json.loads(line, strict=False)
            key, response, error = str(found["custom_id"]), found.get("response") or {}, found.get("error")
            status, body = _number(response.get("status_code")), _decoded(response.get("body"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if status == 200 and not find_error(body):
            completions.setdefault(key, _completion(body, address))
        elif (failure := _failure(key, status, body, error)) is not None:
            failures[key] = failure
    return Replies(completions, {key: line for key, line in failures.items() if key not in completions})


def _decoded(body: Any) -> Any:
    """A body; one that is JSON as text, decoded."""
    try:
        return decode_body(body) if isinstance(body, str) else body
    except (ValueError, RecursionError):
        return body


def _number(status: Any) -> int | None:
    text = str(status).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _completion(body: Any, address: str) -> Completion:
    """The reply; one that cannot be read is paid all the same, and stands without text."""
    try:
        return parse_completion(json.dumps(body), address)
    except TeacherError:
        usage = body.get("usage") if isinstance(body, dict) else None
        counts = usage if isinstance(usage, dict) else {}
        prompt, completion = (value if isinstance(value, int) else None
                              for value in (counts.get("prompt_tokens"), counts.get("completion_tokens")))
        return Completion("", "unreadable", prompt, completion)


def _failure(key: str, status: int | None, body: Any, error: Any) -> FailedLine | None:
    """The failure of a call; None where it was not made."""
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    if code in _NOT_MADE:
        return None
    found = find_error(body) or find_error({"error": error} if error else body)
    message = " ".join(found.message.split())[:_MESSAGE_LENGTH] if found else "no reason is given"
    stated = found.status if found and (found.status or status == 200) else status
    return FailedLine(key, stated, (found.code if found else "") or code, message, found.param if found else "")
