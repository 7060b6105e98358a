"""A run's training and test sets as files: chats, JSON lines, CSV and Parquet, with a data card."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from store.csv_json_html import to_csv
from store.data_card import data_card
from store.dataset_items import REJECTED, DatasetReview, origins_from
from store.queries import Run
from store.queries.dataset_items import TEST, TRAIN, DatasetContent, DatasetItem

Row = Mapping[str, Any]
COLUMNS = ("id", "question", "answer", "passage", "topic", "split", "tier", "cycle", "title", "evidence", "source",
           "key_terms", "origin", "writer", "edited", "seen")
"""Columns of a flat row."""
SPLITS = {TRAIN: "practice", TEST: "test"}
"""Part of a run's questions that is exported -> its value in the column `split`, as `run --practice` reads it."""
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class NothingToExport(ValueError):
    """A run has no question with a reference; the message says when it will."""


@dataclass(frozen=True)
class DatasetFiles:
    """Both sets in every form."""

    contents: dict[str, bytes]
    """Path inside the folder -> content."""
    rows: dict[str, int]
    """Part -> number of its rows."""
    left_out: int
    """Questions without a reference, which are in no file."""


def dataset_files(run: Run, content: DatasetContent) -> DatasetFiles:
    """Return both sets in every form, with their card; what people rejected is left out.

    Args:
        run: the run.
        content: its questions, of one version.

    Raises:
        NothingToExport: no question has a reference.
    """
    sets, left_out = rows_to_export(content.review)
    if not any(sets.values()):
        raise NothingToExport(f"run {run.id} has no question with a reference yet: export it when its questions are "
                              "written")
    files = {f"{form.folder}/{part}{form.suffix}": form.content(of_part)
             for part, of_part in sets.items() for form in FORMS.values()}
    rows = {part: len(of_part) for part, of_part in sets.items()}
    card = data_card(run, origins_from(content.review.items, content.drafts), rows, left_out, content.review.versions)
    return DatasetFiles({**files, "README.md": card.encode()}, rows, left_out)


def rows_to_export(review: DatasetReview) -> tuple[dict[str, list[DatasetItem]], int]:
    """Return the questions with a reference by part, and how many others are left out."""
    items = [item for item in review.items if item.part in SPLITS and item.decision != REJECTED]
    sets = {part: [item for item in items if item.part == part and item.answer is not None] for part in SPLITS}
    return sets, len(items) - sum(map(len, sets.values()))


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return files as a ZIP archive of one folder; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{path}", _NO_TIME), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def plain_row(item: DatasetItem) -> Row:
    """Return an item as one flat row, with where it comes from."""
    return {"id": item.question_id, "question": item.question, "answer": item.answer, "passage": item.passage,
            "topic": item.topic, "split": SPLITS[item.part], "tier": item.tier, "cycle": item.cycle,
            "title": item.title, "evidence": item.evidence, "source": item.source,
            "key_terms": list(item.key_terms), "origin": item.origin, "writer": item.writer, "edited": item.edited,
            "seen": item.seen}


def chat_row(item: DatasetItem) -> Row:
    """Return an item as a chat of one question and one answer."""
    return _chat(item.question, item)


def chat_with_evidence(item: DatasetItem) -> Row | None:
    """Return an item as a chat with its passage before the question; None without a passage."""
    return _chat(f"{item.passage}\n\n{item.question}", item) if item.passage else None


def _chat(prompt: str, item: DatasetItem) -> Row:
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": item.answer}]}


def _json_lines(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _csv(rows: Sequence[Row]) -> bytes:
    return to_csv([{**row, "key_terms": "; ".join(row["key_terms"])} for row in rows]).encode("utf-8-sig")


def _parquet(rows: Sequence[Row], names: Sequence[str]) -> bytes:
    """Return rows with the types of their columns, so that a set without rows has them too."""
    import pyarrow  # late: a second to import
    from pyarrow import parquet

    text = pyarrow.string()
    kinds = {"cycle": pyarrow.int64(), "edited": pyarrow.bool_(), "key_terms": pyarrow.list_(text),
             "messages": pyarrow.list_(pyarrow.struct([("role", text), ("content", text)]))}
    schema = pyarrow.schema([(name, kinds.get(name, text)) for name in names])
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=schema), out)
    return out.getvalue()


@dataclass(frozen=True)
class Form:
    """One form of the sets: its folder, its rows, and how they are written."""

    folder: str
    suffix: str
    row: Callable[[DatasetItem], Row | None]
    written: Callable[[Sequence[Row]], bytes]

    def content(self, items: Sequence[DatasetItem]) -> bytes:
        """Return the items that have a row in this form, as a file."""
        return self.written([row for item in items if (row := self.row(item)) is not None])


CHAT = Form("chat", ".jsonl", chat_row, _json_lines)
"""What TRL, OpenAI and LLaMA-Factory read."""
CHAT_WITH_EVIDENCE = Form("chat-with-evidence", ".jsonl", chat_with_evidence, _json_lines)
FORMS = {
    "chat": CHAT,
    "chat with evidence": CHAT_WITH_EVIDENCE,
    "plain": Form("plain", ".jsonl", plain_row, _json_lines),
    "csv": Form("csv", ".csv", plain_row, _csv),
    "parquet": Form("data", ".parquet", plain_row, partial(_parquet, names=COLUMNS)),
    "chat, parquet": Form("data/chat", ".parquet", chat_row, partial(_parquet, names=("messages",))),
    "chat with evidence, parquet": Form("data/chat-with-evidence", ".parquet", chat_with_evidence,
                                        partial(_parquet, names=("messages",))),
}
