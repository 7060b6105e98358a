"""The file of a cycle's study items: JSON lines beside the checkpoints, bound to its checkpoint by hash."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from knowledge.study import StudyItem
from store.files import sha256_of, write_atomic

FILE_NAME = "study-items.jsonl"


def write_items(path: Path, items: Sequence[StudyItem]) -> str:
    """Write study items atomically; return the file's SHA-256."""
    data = "".join(json.dumps(dataclasses.asdict(item), ensure_ascii=False) + "\n" for item in items).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return sha256_of(data)


def read_items(path: Path) -> list[StudyItem]:
    """Read the study items that `write_items` wrote."""
    return [StudyItem(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
