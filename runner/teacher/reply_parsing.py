"""Parse questions and answers from a teacher model's reply. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.llm.errors import UnreadableReply, WrongForm
from runner.llm.json_extraction import ONLY_REASONING, beginning_of, extract_json
from runner.llm.reasoning import strip_reasoning

_QUESTION_NAMES = ("question", "text", "q")
_LABEL = re.compile(r"\A[\s\"'*`\[({]*(?:(?:question|answer|q|a)\s*\d*[\"'*`]*\s*[:.)][\s\"'*`]*|\d+[.)]\s+|[-*]\s+)?",
                    re.I)
_ANSWER_LABEL = re.compile(r"\A[*_#\s]*(?:final )?answer[*_]*\s*:[*_\s]*", re.I)
_SENTENCE_NUMBER = re.compile(r"sentence(?:\s*number)?[\"'*`\s:#]*\[?(\d{1,3})", re.I)


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
        value = _holding(("questions", *_QUESTION_NAMES), value) or value
        lists = [item for item in value.values() if isinstance(item, list)]
        value = [value] if any(name in value for name in _QUESTION_NAMES) else lists[0] if lists else []
    drafts = [draft for item in value if (draft := _draft(item))]
    if not drafts:
        raise _without("question", text)
    return drafts


def parse_numbered_question(text: str, sentences: Sequence[str]) -> Draft:
    """The question of a reply and the sentence that it names by number, from JSON or from lines of plain text.

    The evidence is empty where the number is that of no sentence.

    Raises:
        UnreadableReply: no question in it.
    """
    question, number = _numbered_from_json(text) or _numbered_from_lines(text)
    if not question:
        raise _without("question", text)
    return Draft(" ".join(question.split()), "", sentences[number - 1] if 1 <= number <= len(sentences) else "")


def parse_plain_question(text: str) -> str:
    """The first question of a plain reply, without a label or quotation marks around it.

    Raises:
        UnreadableReply: nothing in it ends in a question mark.
    """
    plain = strip_reasoning(text)
    if text.strip() and not plain:
        raise UnreadableReply(ONLY_REASONING)
    for line in plain.splitlines():
        found = re.match(r"[^?\uff1f]*[?\uff1f]", _LABEL.sub("", line.strip()))
        if found and re.search(r"\w", found[0]):
            return " ".join(found[0].strip(" \"'*`").split())
    raise _without("question", text)


def parse_plain_answer(text: str) -> str:
    """The answer of a plain reply, cut after its last whole sentence; a reply without any is returned as it is."""
    plain = _LABEL.sub("", " ".join(strip_reasoning(text).split()))
    ends = [found.end() for found in re.finditer(r"[.!?\u3002](?=\s|$)", plain)]
    return plain[:ends[-1]] if ends else plain


def parse_answer(text: str) -> tuple[str, str]:
    """The answer of a reply and its evidence; a plain-text reply is the answer itself, without evidence.

    Raises:
        UnreadableReply: broken JSON, or JSON without an answer.
    """
    plain = strip_reasoning(text)
    if text.strip() and not plain:
        raise UnreadableReply(ONLY_REASONING)
    if not re.match(r'[\[{`]|"\{', plain) and not re.search(r'[{,]\s*"answer"\s*:', plain, re.I):
        return " ".join(_ANSWER_LABEL.sub("", plain).split()), ""
    value = _holding(("answer",), extract_json(text))
    answer = value.get("answer")
    answer = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    if not isinstance(answer, str):
        raise _without("answer", text)
    return " ".join(answer.split()), " ".join(_string(value.get("evidence")).split())


def _holding(names: Sequence[str], value: Any) -> dict[str, Any]:
    """The outermost object with one of these names, which are in lower case; empty where there is none."""
    if isinstance(value, dict):
        lower = {str(name).lower(): item for name, item in value.items()}
        if any(name in lower for name in names):
            return lower
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for item in inner if (found := _holding(names, item))), {})


def _without(what: str, text: str) -> WrongForm:
    return WrongForm(f"the reply holds no {what} ({beginning_of(text)}): ask again, or use another teacher model")


def _numbered_from_json(text: str) -> tuple[str, int] | None:
    try:
        value = extract_json(text)
    except UnreadableReply:
        return None
    value = _holding(_QUESTION_NAMES, value)
    if not value:
        return None
    question = next((value[name] for name in _QUESTION_NAMES if isinstance(value.get(name), str)), "")
    number = re.search(r"\d+", _string(value.get("sentence")))
    return question, int(number[0]) if number else 0


def _numbered_from_lines(text: str) -> tuple[str, int]:
    try:
        question = parse_plain_question(text)
    except UnreadableReply:
        return "", 0
    number = _SENTENCE_NUMBER.search(text)
    return question, int(number[1]) if number else 0


def _draft(item: Any) -> Draft | None:
    if isinstance(item, str):
        return Draft(" ".join(item.split()), "", "")
    if not isinstance(item, dict):
        return None
    item = {str(name).lower(): value for name, value in item.items()}
    question = next((item[name] for name in _QUESTION_NAMES if isinstance(item.get(name), str)), "")
    label = re.search(r"\d+", _string(item.get("passage")))
    evidence = _string(item.get("evidence")).strip(" \n\"'")
    return Draft(" ".join(question.split()), f"P{label[0]}" if label else "", evidence)


def _string(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""
