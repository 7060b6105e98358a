"""Read rows of questions and answers from CSV or JSON lines; formulas, HTML and all other text stay as they are."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.documents.document import Unreadable
from knowledge.documents.text_decoding import decode
from knowledge.question_sets.cells import kept_as_text, text_of
from knowledge.question_sets.checks import MOST_FAULTS, FaultyQuestions

MOST_ROWS = 10_000
"""Rows of a file: ten cycles of a thousand training questions."""
MOST_BYTES = 200_000_000
COLUMNS: dict[str, tuple[str, ...]] = {
    "question": ("question", "prompt", "instruction"),
    "answer": ("answer", "completion", "response", "output", "reference"),
    "passage": ("passage", "context"),
    "topic": ("topic", "category"),
    "split": ("split",),
}
"""Field of a row -> names of its column, the first that is there counts."""
OF_EXPORT = frozenset({"id", "tier", "cycle", "title", "source", "evidence", "key_terms", "origin", "writer", "flags",
                       "distractors", "edited", "seen"})
"""Columns of an exported set that say nothing about how a row is used."""
SPLITS = {"": "", "practice": "practice", "train": "practice", "training": "practice", "test": "test",
          "held-out": "test", "eval": "test"}
"""Value of the column `split` -> the set that the row belongs to; empty: the one that the file is given as."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_DELIMITERS = ",;\t"
_MOST_OF_CELL = 10_000_000
_SHOWN = 60


@dataclass(frozen=True)
class QuestionRow:
    """One row of a file."""

    row: int
    """Line of the file at which it begins, from 1."""
    question: str
    answer: str
    passage: str
    topic: str
    split: str
    """As it stands in the file."""
    id: str = ""
    """The question's id in the run that it was exported from; empty in a file of another origin."""
    seen: str = ""
    """Hash of the question as it was exported; empty in a file of another origin."""


@dataclass(frozen=True)
class RowsRead:
    """All rows of a file."""

    name: str
    sha256: str
    rows: tuple[QuestionRow, ...]
    remark: str
    """The encoding, the columns that are left out, formulas and HTML; empty where there is nothing to say."""


def read_rows(path: Path, columns: Mapping[str, str] | None = None) -> RowsRead:
    """Read a file's rows; nothing is checked but its form.

    Args:
        path: of the file.
        columns: field of a row -> the column that holds it, where people chose them; None goes by the columns' names.

    Raises:
        FaultyQuestions: it cannot be read as CSV or JSON lines with a question and an answer, or has too many rows.
    """
    data = _bytes_of(path)
    try:
        text, remark = decode(data)
    except Unreadable as error:
        raise FaultyQuestions(path.name, [f"{error}: save it as CSV or JSON lines"]) from error
    renamed = {column.casefold(): field for field, column in (columns or {}).items()}
    reading = _records(path.name, text.removeprefix("\ufeff"), renamed)
    records = list(itertools.islice(reading, MOST_ROWS))
    if more := sum(1 for _ in reading):
        raise FaultyQuestions(path.name, [f"it has {len(records) + more:,} rows: use {MOST_ROWS:,} at most"])
    if not records:
        raise FaultyQuestions(path.name, ["it has no rows: write one question with its answer in each"])
    known = {name for names in COLUMNS.values() for name in names} | OF_EXPORT
    left_out = sorted({str(name) for _, record in records for name in record if name not in known})
    rows = tuple(QuestionRow(row, **_fields(path.name, row, record), id=str(record.get("id") or "").strip(),
                             seen=str(record.get("seen") or "").strip()) for row, record in records)
    said = [remark, f"columns left out: {_named(left_out)}" if left_out else "", *kept_as_text(rows)]
    return RowsRead(path.name, hashlib.sha256(data).hexdigest(), rows, "; ".join(filter(None, said)))


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FaultyQuestions(path.name, [f"it has {path.stat().st_size:,} bytes: use {MOST_BYTES:,} at most"])
        return path.read_bytes()
    except OSError as error:
        raise FaultyQuestions(path.name, [f"it cannot be read ({error.strerror}): name a CSV or JSON lines file"
                                          ]) from error


def columns_of(path: Path) -> list[str]:
    """Return the names of a file's columns, in small letters, in their order.

    Raises:
        FaultyQuestions: it cannot be read.
    """
    try:
        text = decode(_bytes_of(path))[0].removeprefix("\ufeff")
    except Unreadable as error:
        raise FaultyQuestions(path.name, [f"{error}: save it as CSV or JSON lines"]) from error
    head = text.lstrip().split("\n", 1)[0]
    if not head.startswith("{"):
        _refuse_list(path.name, head)
        csv.field_size_limit(max(csv.field_size_limit(), _MOST_OF_CELL))
        try:
            cells = next(csv.reader([head], delimiter=_delimiter(head)), [])
        except csv.Error as error:
            raise FaultyQuestions(path.name, [f"row 1 is no CSV ({error}): name the columns in it"]) from error
        return [cell.strip().casefold() for cell in cells]
    try:
        names = [str(name).casefold() for name in json.loads(head)]
    except (ValueError, RecursionError) as error:
        raise FaultyQuestions(path.name, [f"row 1 is no JSON ({error}): write one object in each line"]) from error
    return ["question", "answer", *names] if "messages" in names else names


def _refuse_list(name: str, text: str) -> None:
    if text.lstrip().startswith("["):
        raise FaultyQuestions(name, ["it is one JSON list: write one object in each line"])


def _records(name: str, text: str, renamed: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each row's line and its fields by column.

    Args:
        name: of the file.
        text: its content.
        renamed: column -> the field that people chose it for; a column of that name that they did not choose is
            another one.
    """
    _refuse_list(name, text)
    return _json_lines(name, text, renamed) if text.lstrip().startswith("{") else _csv(name, text, renamed)


def _delimiter(head: str) -> str:
    return max(_DELIMITERS, key=head.count)


def _renamed(column: str, renamed: Mapping[str, str]) -> str:
    if not renamed:
        return column
    known = {name for names in COLUMNS.values() for name in names}
    return renamed.get(column, f"other {column}" if column in known else column)


def _csv(name: str, text: str, renamed: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    delimiter = _delimiter(text.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    csv.field_size_limit(max(csv.field_size_limit(), _MOST_OF_CELL))
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not columns:
                columns = [_renamed(cell.strip().casefold(), renamed) for cell in cells]
                _require_columns(name, columns)
                _refuse_twice(name, columns)
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(columns):
                    raise FaultyQuestions(name, [f"row {line} has {len(cells)} cells, and the first row names "
                                                 f"{len(columns)} columns: put texts with commas in quotes"])
                yield line, dict(zip(columns, map(_without_guard, cells), strict=False))
            line = reader.line_num + 1
    except csv.Error as error:
        raise FaultyQuestions(name, [f"row {line} is no CSV ({error}): double the quotes within a text; or the file "
                                     "may be cut off"]) from error


def _without_guard(cell: str) -> str:
    """Return a cell without the apostrophe by which spreadsheets, and exported sets, mark a formula as text."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip(" ").startswith(_FORMULA_STARTS) else cell


def _json_lines(name: str, text: str, renamed: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise FaultyQuestions(name, [f"row {line} is no JSON ({error}): write one object in each line; or the file "
                                         "may be cut off"]) from error
        if not isinstance(record, dict):
            raise FaultyQuestions(name, [f"row {line} is no JSON object: write {{\"question\": ..., \"answer\": ...}}"])
        record = {str(key).casefold(): value for key, value in record.items()}
        if "messages" in record:
            record |= _of_messages(name, line, record.pop("messages"))
        record = {_renamed(key, renamed): value for key, value in record.items()}
        _require_columns(name, list(record), line)
        yield line, record


def _named(columns: list[str]) -> str:
    shown = [repr(column if len(column) <= _SHOWN else f"{column[:_SHOWN]}...")[1:-1] for column in columns if column]
    more = len(shown) - MOST_FAULTS
    return ", ".join(shown[:MOST_FAULTS]) + (f" and {more} more" if more > 0 else "")


def _refuse_twice(name: str, columns: list[str]) -> None:
    used = [column for names in COLUMNS.values() for column in names if columns.count(column) > 1]
    if used:
        raise FaultyQuestions(name, [f"row 1 names the column {used[0]} {columns.count(used[0])} times: keep one"])


def _of_messages(name: str, line: int, messages: Any) -> dict[str, Any]:
    """Return question and answer of a chat: one message of the user, and one of the assistant."""
    turns = [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []
    said = {role: [turn.get("content") for turn in turns if turn.get("role") == role] for role in ("user", "assistant")}
    if any(len(texts) != 1 for texts in said.values()):
        raise FaultyQuestions(name, [f"row {line} is a chat of {len(turns)} messages: use one of the user and one of "
                                     "the assistant"])
    return {"question": said["user"][0], "answer": said["assistant"][0]}


def _require_columns(name: str, columns: list[str], line: int = 1) -> None:
    if missing := [field for field in ("question", "answer") if not set(COLUMNS[field]) & set(columns)]:
        raise FaultyQuestions(name, [
            f"row {line} has the columns {_named(columns) or 'none'} and no {' and no '.join(missing)}"
            f": name them question and answer (passage, topic and split are optional)"])


def _fields(name: str, row: int, record: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a row as text; a missing or null one is empty."""
    found: dict[str, str] = {}
    for field, names in COLUMNS.items():
        try:
            found[field] = text_of(next((record[one] for one in names if record.get(one) is not None), ""))
        except ValueError as error:
            raise FaultyQuestions(name, [f"row {row} has in its {field} {error}"]) from error
    return found
