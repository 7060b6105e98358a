"""Parse the body of a chat completion leniently: compatible servers omit fields, add some, or send null. Pure."""

from __future__ import annotations

import json
from typing import Any

from runner.llm.chat import Completion
from runner.llm.errors import EndpointUnavailable, UnreadableReply


def parse_completion(body: str, address: str) -> Completion:
    """The completion in a response body.

    Raises:
        EndpointUnavailable: the body is not JSON, or says that there was an error: no such endpoint talks like this.
        UnreadableReply: JSON without a choice in it.
    """
    try:
        value = json.loads(body)
    except ValueError:
        raise EndpointUnavailable(f"{address} answers, but not with JSON ({body.strip()[:60]!r}): check that the "
                                  "address is "
                                  "that of an OpenAI-compatible API (most end in /v1)") from None
    if isinstance(value, dict) and value.get("error"):
        raise EndpointUnavailable(f"{address} reports an error ({str(value['error'])[:200]}): try later")
    choice = _first_choice(value)
    if choice is None:
        raise UnreadableReply(f"the reply of {address} holds no choice ({body.strip()[:60]!r}): "
                              "retry, or check that the address is that of a chat completions API")
    message = _dict(choice.get("message"))
    usage = _dict(value.get("usage"))
    return Completion(text=_text(message.get("content")), finish=str(choice.get("finish_reason") or "stop"),
                      prompt_tokens=_count(usage.get("prompt_tokens")),
                      completion_tokens=_count(usage.get("completion_tokens")),
                      refusal=message.get("refusal") or None)


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
