"""Atomic, durable file writes and SHA-256 hashes of files. Standard library only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a power cut, finds the old bytes or the new ones, never a part.

    Missing parent folders are created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    fsync_directory(path.parent)


def temporary_path(path: Path) -> Path:
    """Return a hidden name in the same folder, for content that is renamed to `path` once it is complete."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def replace_durably(temporary: Path, path: Path) -> None:
    """Sync a complete file, rename it to its final path on the same file system, and sync that folder."""
    _fsync(temporary)
    temporary.replace(path)
    fsync_directory(path.parent)


def fsync_directory(folder: Path) -> None:
    """Sync a folder, so that renames in it survive a power cut."""
    _fsync(folder)


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal; the file is read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
