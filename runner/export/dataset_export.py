"""Write a run's training and test sets to a folder: chats, JSON lines, CSV and Parquet, with a data card."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runner.export.data_card import data_card
from runner.export.errors import CannotExport
from store import queries
from store.csv_json_html import to_csv
from store.database import Store
from store.files import fsync_directory
from store.dataset_items import REJECTED, origins_from
from store.queries.dataset_items import TEST, TRAIN, DatasetItem, dataset_content

Row = Mapping[str, Any]
COLUMNS = ("id", "question", "answer", "passage", "topic", "split", "tier", "cycle", "title", "evidence", "source",
           "key_terms", "origin", "writer", "edited", "seen")
"""Columns of a flat row."""
SPLITS = {TRAIN: "practice", TEST: "test"}
"""Part of a run's questions that is exported -> its value in the column `split`, as `run --practice` reads it."""


@dataclass(frozen=True)
class ExportedDataset:
    """What was written."""

    folder: Path
    rows: dict[str, int]
    """Part -> number of its rows."""
    left_out: int
    """Questions without a reference, which are in no file."""


def export_dataset(store: Store, run: str, to: Path, version: int | None = None) -> ExportedDataset:
    """Write both sets to a new folder, atomically; what people rejected is left out.

    Args:
        store: the store.
        run: the run's id.
        to: the folder.
        version: of the sets; None is the newest, with all corrections, 1 is what the run used.

    Raises:
        CannotExport: no such run, nothing to export, or the folder is not empty.
    """
    found = queries.find_run(store, run)
    if found is None:
        raise CannotExport(f"no run {run!r}: list them with 'python -m runner status'")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise CannotExport(f"{to} already exists: choose a new folder")
    content = dataset_content(store, run, version)
    versions = content.review.versions
    if version is not None and version > max(versions.values(), default=1):
        raise CannotExport(f"run {run} has no version {version}: the newest is {max(versions.values(), default=1)}")
    items = [item for item in content.review.items if item.part in SPLITS and item.decision != REJECTED]
    sets = {part: [item for item in items if item.part == part and item.answer is not None] for part in SPLITS}
    if not any(sets.values()):
        raise CannotExport(f"run {run} has no question with a reference yet: export it when its questions are written")
    to.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        for part, of_part in sets.items():
            for form in FORMS.values():
                form.write(work / form.folder / f"{part}{form.suffix}", [row for item in of_part
                                                                        if (row := form.row(item)) is not None])
        left_out = len(items) - sum(map(len, sets.values()))
        rows = {part: len(of_part) for part, of_part in sets.items()}
        card = data_card(found, origins_from(content.review.items, content.drafts), rows, left_out, versions)
        (work / "README.md").write_text(card, encoding="utf-8")
        work.chmod(0o755)
        if to.exists():
            to.rmdir()
        work.rename(to)
        fsync_directory(to.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return ExportedDataset(to, rows, left_out)


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


def _write_json_lines(path: Path, rows: Sequence[Row]) -> None:
    _write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    texts = [{**row, "key_terms": "; ".join(row["key_terms"])} for row in rows]
    _write(path, to_csv(texts).encode("utf-8-sig"))


def _write_parquet(path: Path, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Write rows with the types of their columns, so that a set without rows has them too."""
    import pyarrow  # late: a second to import
    from pyarrow import parquet

    text = pyarrow.string()
    kinds = {"cycle": pyarrow.int64(), "edited": pyarrow.bool_(), "key_terms": pyarrow.list_(text),
             "messages": pyarrow.list_(pyarrow.struct([("role", text), ("content", text)]))}
    schema = pyarrow.schema([(name, kinds.get(name, text)) for name in names])
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=schema), path)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@dataclass(frozen=True)
class Form:
    """One form of the sets: its folder, its rows, and how they are written."""

    folder: str
    suffix: str
    row: Callable[[DatasetItem], Row | None]
    write: Callable[[Path, Sequence[Row]], None]


FORMS = {
    "chat": Form("chat", ".jsonl", chat_row, _write_json_lines),
    "chat with evidence": Form("chat-with-evidence", ".jsonl", chat_with_evidence, _write_json_lines),
    "plain": Form("plain", ".jsonl", plain_row, _write_json_lines),
    "csv": Form("csv", ".csv", plain_row, _write_csv),
    "parquet": Form("data", ".parquet", plain_row, partial(_write_parquet, names=COLUMNS)),
    "chat, parquet": Form("data/chat", ".parquet", chat_row, partial(_write_parquet, names=("messages",))),
    "chat with evidence, parquet": Form("data/chat-with-evidence", ".parquet", chat_with_evidence,
                                        partial(_write_parquet, names=("messages",))),
}
