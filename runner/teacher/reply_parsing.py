"""Parse questions and answers from a teacher model's reply. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from runner.llm.errors import UnreadableReply
from runner.llm.json_extraction import ONLY_REASONING, beginning_of, extract_json
from runner.llm.reasoning import strip_reasoning

_QUESTION_NAMES = ("question", "text", "q")


@dataclass(frozen=True)
class Draft:
    """A question as a model wrote it, before validation."""

    text: str
    label: str
    """Label of its passage, such as `P1`; empty where the reply has none."""
    evidence: str


def parse_questions(text: str) -> list[Draft]:
    """The questions of a reply: an object with a list, a bare list, a single question, or plain strings.

    Raises:
        UnreadableReply: no JSON with a question in it.
    """
    value = extract_json(text)
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = [value] if any(name in value for name in _QUESTION_NAMES) else lists[0] if lists else []
    drafts = [draft for item in value if (draft := _draft(item))]
    if not drafts:
        raise UnreadableReply(f"the reply holds no question ({beginning_of(text)}): ask again, or use another "
                              "teacher model")
    return drafts


def parse_answer(text: str) -> tuple[str, str]:
    """The answer of a reply and its evidence; a plain-text reply is the answer itself, without evidence.

    Raises:
        UnreadableReply: broken JSON, or JSON without an answer.
    """
    plain = strip_reasoning(text)
    if text.strip() and not plain:
        raise UnreadableReply(ONLY_REASONING)
    if not re.match(r"[\[{`]", plain) and not re.search(r'[{,]\s*"answer"\s*:', plain):
        return " ".join(plain.split()), ""
    value = extract_json(text)
    value = value[0] if isinstance(value, list) and value else value
    answer = value.get("answer") if isinstance(value, dict) else None
    if not isinstance(answer, str):
        raise UnreadableReply(f"the reply holds no answer ({beginning_of(text)}): ask again, or use another "
                              "teacher model")
    return " ".join(answer.split()), " ".join(_string(value.get("evidence")).split())


def _draft(item: Any) -> Draft | None:
    if isinstance(item, str):
        return Draft(" ".join(item.split()), "", "")
    if not isinstance(item, dict):
        return None
    question = next((item[name] for name in _QUESTION_NAMES if isinstance(item.get(name), str)), "")
    label = re.search(r"\d+", _string(item.get("passage")))
    evidence = _string(item.get("evidence")).strip(" \n\"'")
    return Draft(" ".join(question.split()), f"P{label[0]}" if label else "", evidence)


def _string(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""
