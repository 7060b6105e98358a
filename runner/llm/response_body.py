"""Decode a response body: JSON, or the stream that some servers send although none was asked for. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

_NO_DATA = re.compile(r":|event:|id:|retry:|data:\s*\[DONE\]\s*$|$")
"""Lines of an event stream that hold no data; routers send comments while they wait."""
_DONE = re.compile(r"^data:\s*\[DONE\]\s*$", re.M)
_WRAPPERS = ("data", "result", "response", "body", "output")
"""Under which names gateways put a whole completion."""


def decode_body(text: str) -> Any:
    """The JSON value of a body; of a stream, the completion that its chunks make up.

    Raises:
        ValueError, RecursionError: it is neither.
    """
    text = re.sub(r"\A(?:\s*:[^\n]*\n)+", "", text.lstrip("\ufeff")).strip()
    try:
        value = json.loads(text, strict=False)
    except ValueError as error:
        lines = [line.removeprefix("data:") for line in map(str.strip, text.split("\n")) if not _NO_DATA.match(line)]
        if not lines:
            raise
        try:
            chunks = [json.loads(line, strict=False) for line in lines]
        except ValueError:
            raise error from None
        return joined_chunks(chunks, ended=bool(_DONE.search(text)))
    return json.loads(value, strict=False) if isinstance(value, str) and value[:1] == "{" else value


def joined_chunks(chunks: Sequence[Any], ended: bool) -> Any:
    """The completion that chunks make up; a chunk with an error in place of it.

    Args:
        ended: whether the stream came to its end. One that did not, and has no reason for an end, was broken off.
    """
    message: dict[str, Any] = {}
    finish, usage, begun = None, None, False
    for chunk in chunks:
        if not isinstance(chunk, dict) or chunk.get("error"):
            return chunk
        usage = chunk.get("usage") or usage
        choice = first_choice(chunk)
        if choice is None:
            continue
        begun = True
        finish = choice.get("finish_reason") or finish
        _add_delta(message, choice.get("delta") or choice.get("message") or {"content": choice.get("text")})
    if not begun:
        return chunks[0]
    return {"choices": [{"message": message, "finish_reason": finish or ("stop" if ended else "error")}],
            "usage": usage}


def _add_delta(message: dict[str, Any], delta: Any) -> None:
    for name, value in delta.items() if isinstance(delta, dict) else ():
        if name == "tool_calls" and isinstance(value, list):
            calls = message.setdefault("tool_calls", [{"function": {"arguments": ""}}])
            calls[0]["function"]["arguments"] += "".join(map(_arguments_of, value[:1]))
        elif isinstance(value, str):
            message[name] = message.get(name, "") + value


def _arguments_of(call: Any) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return arguments if isinstance(arguments, str) else ""


def first_choice(value: Any) -> dict[str, Any] | None:
    """The first choice of a decoded body, if it has one."""
    choices = value.get("choices") if isinstance(value, dict) else None
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return None


def unwrapped(value: Any) -> Any:
    """The body with the choices, where it stands in a list or under another name."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and first_choice(value) is None:
        return next((value[name] for name in _WRAPPERS if first_choice(value.get(name))), value)
    return value
