"""Check rows of questions and answers: one sentence for each fault, with its row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from knowledge.near_duplicate_questions import NearDuplicateIndex, normalize
from knowledge.question_sets.cells import cell_faults

if TYPE_CHECKING:
    from knowledge.question_sets.rows import QuestionRow

MOST_FAULTS = 20
"""Faults of a file that are named; of the others only the number is."""
MOST_CHARACTERS = {"question": 4_000, "answer": 20_000, "passage": 100_000, "topic": 80}
_SHOWN = 80
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


class FaultyQuestions(Exception):
    """A file of questions that cannot be used; `errors` has one sentence for each fault."""
    error_kind = "knowledge"

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        shown = [f"{name}: {fault}" for fault in faults[:MOST_FAULTS]]
        if len(faults) > MOST_FAULTS:
            shown.append(f"{name}: and {len(faults) - MOST_FAULTS:,} more faults")
        super().__init__("; ".join(shown))
        self.errors = shown


def row_faults(rows: Sequence[QuestionRow]) -> list[str]:
    """Return the faults that a row has by itself, and questions that stand twice in the set."""
    faults: list[str] = []
    first: dict[str, int] = {}
    for row in rows:
        faults += [f"row {row.row} has no {field}: fill it in, or delete the row" for field in ("question", "answer")
                   if not getattr(row, field)]
        for field, most in MOST_CHARACTERS.items():
            text = getattr(row, field)
            if len(text) > most:
                faults.append(f"row {row.row} has {len(text):,} characters in its {field}: use {most:,} at most")
            if _NO_TEXT.search(text):
                faults.append(f"row {row.row} has a character in its {field} that is no text: delete it")
        faults += cell_faults(row)
        if row.question and not normalize(row.question):
            faults.append(f"row {row.row} has a question without a word, {_quoted(row.question)}: reword or delete it")
        elif row.question:
            before = first.setdefault(normalize(row.question), row.row)
            if before != row.row:
                faults.append(f"row {row.row} asks the same as row {before}: {_quoted(row.question)}; keep one of them")
    return faults


def leak_faults(practice: Sequence[QuestionRow], test: Sequence[QuestionRow]) -> list[str]:
    """Return the test questions that nearly repeat a practice question: they would be trained."""
    index, row_of = NearDuplicateIndex(), {row.question: row.row for row in practice}
    for row in practice:
        index.add(row.question)
    return [f"row {row.row} asks in the test what row {row_of[found]} of the practice set asks in nearly the same "
            f"words: {_quoted(row.question)}; reword it, or delete one of them"
            for row in test if (found := index.find(row.question)) is not None]


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
