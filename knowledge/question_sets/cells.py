"""Read a cell of a question file as text, and find what no student can learn in it: images, and errors of spreadsheets.

Formulas and markup stay as they are written, because a question may be about them; they are counted and said.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knowledge.question_sets.rows import QuestionRow

_EMBEDDED = re.compile(r"data:image/[\w.+-]+[;,]", re.I)
_IMAGE = re.compile(r"""<img\b[^>]*>|!\[[^\]]*\]\([^)]*\)|=(?:_xlfn\.)?(?:image|dispimg)\([^)]*\)""", re.I)
_ERRORS = frozenset(("#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
_MARKUP = re.compile(r"</?(?:a|b|br|code|div|em|h[1-6]|i|img|li|ol|p|pre|script|span|strong|su[bp]|t[dhr]|table|u|ul)"
                     r"(?:\s[^<>]*)?/?>", re.I)
TEXTS = ("question", "answer", "passage")


def text_of(value: Any) -> str:
    """Return a value as text: numbers and truth values as JSON writes them; nothing, and no number, as an empty text.

    Raises:
        ValueError: it is a list or an object without a text, or has an image; the message says so.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list) and value and all(isinstance(part, dict) and "type" in part for part in value):
        if other := [str(part["type"]) for part in value if not isinstance(part.get("text"), str)]:
            raise ValueError(f"a part of the type {other[0]!r}: use text alone")
        return "\n".join(part["text"] for part in value).strip()
    if isinstance(value, list | dict):
        raise ValueError(f"{'a list' if isinstance(value, list) else 'an object'} and no text: write it as a text")
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).strip()


def cell_faults(row: QuestionRow) -> list[str]:
    """Return where a row has an image, or an error of a spreadsheet, in place of text."""
    faults = []
    for field in TEXTS:
        text = getattr(row, field)
        if _EMBEDDED.search(text) or (text and not _IMAGE.sub("", text).strip()):
            faults.append(f"row {row.row} has an image in its {field}: write in words what it shows, or delete the row")
        elif text.upper() in _ERRORS:
            faults.append(f"row {row.row} has {text!r}, an error of a spreadsheet, as its {field}: write the text in "
                          "its place")
    return faults


def kept_as_text(rows: Sequence[QuestionRow]) -> list[str]:
    """Return how many rows have a formula or markup, which is kept as it is written."""
    looked_for: dict[str, Callable[[str], object]] = {"a formula": lambda text: text.startswith("="),
                                                      "HTML": _MARKUP.search}
    found = {what: [row.row for row in rows if any(has(getattr(row, field)) for field in TEXTS)]
             for what, has in looked_for.items()}
    return [f"{len(of):,} row{'s' * (len(of) > 1)} with {what}, kept as text (row {of[0]}{', ...' * (len(of) > 1)})"
            for what, of in found.items() if of]
