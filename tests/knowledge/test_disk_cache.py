"""The disk cache is never stale, and everything works without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge import disk_cache
from knowledge.disk_cache import cached, input_digest
from knowledge.domain import kubernetes
from knowledge.split import held_out_passages


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "knowledge-distillation"


def counted(found: object) -> tuple[Callable[[], object], list[int]]:
    calls: list[int] = []

    def work_out() -> object:
        calls.append(1)
        return found
    return work_out, calls


def test_a_result_is_computed_once_and_again_for_another_name_or_digest() -> None:
    work_out, calls = counted(["Zürich", 1])
    assert [cached("name", digest, work_out) for digest in ("one", "one", "two", "one")] == [["Zürich", 1]] * 4
    assert len(calls) == 2


def test_a_damaged_cache_file_is_replaced(cache: Path) -> None:
    work_out, calls = counted([1])
    cached("name", "one", work_out)
    (cache / "name.one.json").write_text('[1, "cut o')
    assert cached("name", "one", work_out) == [1] and len(calls) == 2
    assert json.loads((cache / "name.one.json").read_text()) == [1]


def test_without_a_writable_folder_the_result_is_computed_each_time(cache: Path) -> None:
    cache.write_text("a file where the folder would be")
    work_out, calls = counted([1])
    assert cached("name", "one", work_out) == cached("name", "one", work_out) == [1] and len(calls) == 2


def test_only_the_newest_entries_are_kept(cache: Path) -> None:
    for number in range(6):
        cached("name", str(number), lambda: [])
        cached("another", "1", lambda: [])
    assert {file.name for file in cache.iterdir()} == {"another.1.json", *(f"name.{n}.json" for n in (3, 4, 5))}


def test_the_hash_follows_the_files_and_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "pods.md"
    note.write_text("A Pod.")
    before = input_digest([note])
    assert input_digest([note]) == before
    note.write_text("A pod.")
    assert input_digest([note]) != before
    note.write_text("A Pod.")
    code = tmp_path / "kubernetes" / "notes.py"
    code.parent.mkdir()
    code.write_text("before")
    monkeypatch.setattr(disk_cache, "PACKAGE", tmp_path)
    here = input_digest([note])
    code.write_text("after")
    assert before != here != input_digest([note])


def test_the_hash_sees_every_source_file_of_the_package() -> None:
    """Also those in its folders: the notes' parser and the API reference decide what is cached."""
    seen = {file.relative_to(disk_cache.PACKAGE).as_posix() for file in disk_cache.PACKAGE.rglob("*.py")}
    assert {"split.py", "kubernetes/notes.py", "kubernetes/api_reference.py", "documents/chunking.py"} <= seen


def test_the_cached_domain_equals_the_domain() -> None:
    worked_out = kubernetes.__wrapped__()
    read = kubernetes.__wrapped__()
    assert worked_out is not read and worked_out.passages == read.passages and worked_out.hash == read.hash
    assert held_out_passages(worked_out) == held_out_passages(read) != ()
