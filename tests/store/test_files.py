"""Atomic file writes: complete or not at all, synced before the rename, the folder synced after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from store.files import replace_durably, sha256_of, sha256_of_file, temporary_path, write_atomic


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The syncs and renames that happen from now on, in order."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        calls.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def note_replace(source: Any, target: Any) -> None:
        calls.append(f"rename to {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    return calls


def test_a_file_is_synced_renamed_and_its_folder_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "file.json"
    calls = calls_of(monkeypatch)
    write_atomic(path, b"one")
    expected = [f"fsync {temporary_path(path).name}", "rename to file.json", "fsync folder"]
    assert calls == expected and path.read_bytes() == b"one"
    temporary_path(path).write_bytes(b"two")
    replace_durably(temporary_path(path), path)
    assert calls == expected * 2 and path.read_bytes() == b"two"
    assert [item.name for item in path.parent.iterdir()] == ["file.json"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_and_its_bytes_have_one_hash(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    assert sha256_of_file(tmp_path / "file") == sha256_of(b"x" * 100_000)
