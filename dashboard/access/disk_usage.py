"""Disk usage of the data directory: database files, models, backups, free space. Reads file sizes only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from store.paths import Paths, sqlite_file


@dataclass(frozen=True)
class StoredFile:
    """A file or folder of the data directory with its size."""

    kind: str
    name: str
    size_bytes: int
    changed_at: datetime


def stored_files(paths: Paths) -> list[StoredFile]:
    """The existing store files, models and daily backups, sorted by kind and name."""
    found = [StoredFile(kind, path.name, _size(path), _changed(path)) for kind, path in _candidates(paths)]
    return sorted(found, key=lambda file: (file.kind, file.name))


def free_bytes(paths: Paths) -> int | None:
    """Free bytes on the data directory's disk; None if the directory does not exist yet."""
    return shutil.disk_usage(paths.data).free if paths.data.is_dir() else None


def size(number: int) -> str:
    """Format a number of bytes with a decimal unit, such as 1.2 GB."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= bytes_:
            return f"{number / bytes_:.1f} {unit}"
    return f"{number} bytes"


def _candidates(paths: Paths) -> Iterator[tuple[str, Path]]:
    if database := sqlite_file(paths.store_url):
        yield from (("store", path) for path in sorted(database.parent.glob(f"{database.name}*")) if path.is_file())
    yield from (("model", path) for path in sorted(paths.models.glob("[!.]*")))
    yield from (("backup", path) for path in sorted(paths.backups.glob("[!.]*")))


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
