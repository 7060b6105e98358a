"""Extract JSON from a model's reply that may hold text, code fences or reasoning around it. Pure."""

from __future__ import annotations

import ast
import itertools
import json
import re
from typing import Any

from runner.llm.errors import UnreadableReply, WrongForm
from runner.llm.reasoning import strip_reasoning
from runner.llm.unicode_repair import storable_json

ONLY_REASONING = "the reply holds only the model's reasoning, and no answer after it: use another model"
_FENCE = re.compile(r"```[\w-]*\n?(.*?)(?:```|\Z)", re.S)
_OBJECT = re.compile(r"\{[\s{]*(?:[\"'“”‘’]|\w+\s*:)")
_COMMENT = re.compile(r"\s//[^\n\"]*$", re.M)
_BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)")
_CORRECTED = re.compile(r"\b(?:final|correct(?:ed|ion)?|revised|improved|actually|wait)\b", re.I)
_CURLY_QUOTES = dict.fromkeys(map(ord, "“”"), '"')
_DECODER = json.JSONDecoder(strict=False)  # models put bare line breaks into strings
MAX_JSON_STARTS = 50
"""How many opening brackets are tried as the start of the JSON."""


def extract_json(text: str) -> Any:
    """The first object or list in a text: alone, in a code fence, or with text before and after it.

    Raises:
        UnreadableReply: there is none.
    """
    plain = strip_reasoning(text)
    if text.strip() and not plain:
        raise UnreadableReply(ONLY_REASONING)
    if isinstance(inner := _loads(plain), str):  # encoded twice
        plain = inner
    for candidate in [plain, *(fenced.strip() for fenced in _FENCE.findall(plain))]:
        value = _decoded(candidate)
        if value is not None:
            return storable_json(value)
    raise WrongForm(f"the reply is not JSON ({beginning_of(text)}): ask again, or use another teacher model")


def beginning_of(text: str) -> str:
    """The first 60 characters of a text in quotes, for error messages."""
    return repr(" ".join(text.split())[:60])


def _loads(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _repaired(text: str) -> Any:
    """An object in nearly JSON: doubled braces, single or curly quotes, trailing commas, comments, bare names.

    The whole of it must be there; what is cut off is not completed.
    """
    text = re.sub(r"\A\{(\{.*\})\}\Z", r"\1", text[:text.rfind("}") + 1], flags=re.S)
    tries = [text, text.translate(_CURLY_QUOTES)]
    if "'" not in text:  # inside of single quotes these would change the content
        tries.append(_BARE_NAME.sub(r'\1"\2"\3', _COMMENT.sub("", tries[-1])))
    for candidate in tries:
        try:
            return ast.literal_eval(candidate)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _decoded(text: str) -> Any:
    """The first object or list that starts anywhere in the text; text in square brackets may be prose."""
    for opening in itertools.islice(re.finditer(r"[\[{]", text), MAX_JSON_STARTS):
        try:
            value, end = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            # A truncated object is not searched for complete parts: they may mean something else.
            if opening[0] == "{" and _OBJECT.match(text, opening.start()):
                value = _repaired(text[opening.start():])
                return value if isinstance(value, dict) and value else None
            continue
        if value and (isinstance(value, dict) or isinstance(value[0], dict | str)):
            return _corrected(value, text[end:])
    return None


def _corrected(draft: Any, rest: str) -> Any:
    """The object that a model writes in place of its draft, where words between them say so; else the draft."""
    opening = rest.find("{")
    if not isinstance(draft, dict) or opening < 0 or not _CORRECTED.search(rest[:opening]):
        return draft
    try:
        value, end = _DECODER.raw_decode(rest, opening)
    except (ValueError, RecursionError):
        return draft
    return _corrected(value, rest[end:]) if value.keys() & draft.keys() else draft
