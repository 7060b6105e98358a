"""What a model's words hold: JSON in all the wrappings that models put around it. Pure."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

from runner.teacher.errors import UnreadableReply

_THOUGHT = re.compile(r"<think>.*?</think>", re.S | re.I)
_FENCE = re.compile(r"```[\w-]*\n?(.*?)(?:```|\Z)", re.S)
_DECODER = json.JSONDecoder(strict=False)  # models put bare line breaks into strings
MOST_OPENINGS = 50
"""So many brackets may stand in the words before the JSON."""
_QUESTION_NAMES = ("question", "text", "q")


@dataclass(frozen=True)
class Draft:
    """A question as a model wrote it, unchecked."""

    text: str
    label: str
    """The passage it says to be about, such as `P1`; empty where it does not say."""
    evidence: str


def drafts_in(text: str) -> list[Draft]:
    """The questions of a reply: an object with a list, a bare list, a single question, or plain strings.

    Raises:
        UnreadableReply: no JSON with a question in it.
    """
    value = json_in(text)
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = [value] if any(name in value for name in _QUESTION_NAMES) else lists[0] if lists else []
    drafts = [draft for item in value if (draft := _draft(item))]
    if not drafts:
        raise UnreadableReply(f"the reply holds no question ({_start(text)}): ask again, or use another teacher model")
    return drafts


def answer_in(text: str) -> tuple[str, str]:
    """The answer of a reply and its evidence; a reply in plain words is the answer itself, without evidence.

    Raises:
        UnreadableReply: broken JSON, or JSON without an answer.
    """
    plain = _without_thought(text)
    if not re.match(r"[\[{`]", plain) and not re.search(r'[{,]\s*"answer"\s*:', plain):
        return " ".join(plain.split()), ""
    value = json_in(text)
    value = value[0] if isinstance(value, list) and value else value
    answer = value.get("answer") if isinstance(value, dict) else None
    if not isinstance(answer, str):
        raise UnreadableReply(f"the reply holds no answer ({_start(text)}): ask again, or use another teacher model")
    return " ".join(answer.split()), " ".join(_string(value.get("evidence")).split())


def json_in(text: str) -> Any:
    """The first object or list in a text: whole, fenced, or with words before and after it.

    Raises:
        UnreadableReply: there is none.
    """
    plain = _without_thought(text)
    for candidate in [plain, *(fenced.strip() for fenced in _FENCE.findall(plain))]:
        value = _decoded(candidate)
        if value is not None:
            return value
    raise UnreadableReply(f"the reply is not JSON ({_start(text)}): ask again, or use another teacher model")


def _decoded(text: str) -> Any:
    """The first object or list that begins anywhere in the text; one in square brackets may be mere prose."""
    for opening in itertools.islice(re.finditer(r"[\[{]", text), MOST_OPENINGS):
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


def _draft(item: Any) -> Draft | None:
    if isinstance(item, str):
        return Draft(" ".join(item.split()), "", "")
    if not isinstance(item, dict):
        return None
    words = next((item[name] for name in _QUESTION_NAMES if isinstance(item.get(name), str)), "")
    label = re.search(r"\d+", _string(item.get("passage")))
    evidence = _string(item.get("evidence")).strip(" \n\"'")
    return Draft(" ".join(words.split()), f"P{label[0]}" if label else "", evidence)


def _without_thought(text: str) -> str:
    return _THOUGHT.sub("", text).strip()


def _string(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _start(text: str) -> str:
    return repr(" ".join(text.split())[:60])
