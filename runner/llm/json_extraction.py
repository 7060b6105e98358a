"""JSON in a model's reply, whatever text, fences or thoughts stand around it. Pure."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from runner.llm.errors import UnreadableReply

_THINK_BLOCK = re.compile(r"<think>.*?</think>", re.S | re.I)
_FENCE = re.compile(r"```[\w-]*\n?(.*?)(?:```|\Z)", re.S)
_DECODER = json.JSONDecoder(strict=False)  # models put bare line breaks into strings
MAX_JSON_STARTS = 50
"""How many brackets may stand in the text before the JSON."""


def extract_json(text: str) -> Any:
    """The first object or list in a text: whole, fenced, or with words before and after it.

    Raises:
        UnreadableReply: there is none.
    """
    plain = strip_think_block(text)
    for candidate in [plain, *(fenced.strip() for fenced in _FENCE.findall(plain))]:
        value = _decoded(candidate)
        if value is not None:
            return value
    raise UnreadableReply(f"the reply is not JSON ({beginning_of(text)}): ask again, or use another teacher model")


def strip_think_block(text: str) -> str:
    """The reply without the thoughts that a reasoning model wrote before it."""
    return _THINK_BLOCK.sub("", text).strip()


def beginning_of(text: str) -> str:
    """The first 60 characters of a text in quotes, for error messages."""
    return repr(" ".join(text.split())[:60])


def _decoded(text: str) -> Any:
    """The first object or list that begins anywhere in the text; one in square brackets may be mere prose."""
    for opening in itertools.islice(re.finditer(r"[\[{]", text), MAX_JSON_STARTS):
        try:
            value, _ = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            # What is broken off must not be searched for whole pieces: they may stand for something else.
            if opening[0] == "{":
                return None
            continue
        if value and (isinstance(value, dict) or isinstance(value[0], dict | str)):
            return value
    return None
