"""Stores of older and newer schema versions: every page shows the version and what to do, and changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from streamlit.testing.v1 import AppTest

from runner.cli.main import main
from store.database.migrations import CURRENT
from tests.dashboard.conftest import PAGES, words_of

Opened = Callable[..., AppTest]
VERSION_1 = Path(__file__).parents[1] / "store" / "version_1.sql"
ALSO_SHOWN = {"knowledge": "Kubernetes v1.28", "system": "Versions", "schedules": "Add a schedule"}
"""What pages show that does not come from a store."""


def made(folder: Path, more: str = "") -> Path:
    connection = sqlite.connect(folder / "events.db")
    connection.executescript(VERSION_1.read_text(encoding="utf-8") + more)
    connection.close()
    return folder / "events.db"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("newer"), "INSERT INTO schema_version VALUES (99, '2030-01-01');")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_which_version_an_older_store_has_and_the_command_that_migrates_it(
        page: str, older: Path, opened: Opened) -> None:
    before = digest(older)
    app = opened(older.parent, page)
    assert not app.exception and len(app.error) == 1
    words = words_of(app)
    assert f"tables of version 1, this program reads version {CURRENT}" in words
    assert f"saves a copy of the store as it is, {older}.version-1." in words
    assert f"DATA_DIR={older.parent} python -m runner migrate" in [block.value for block in app.code]
    assert ALSO_SHOWN.get(page, "") in words and digest(older) == before


@pytest.mark.parametrize("page", ["overview", "knowledge", "history"])
def test_a_newer_store_is_said_to_be_newer(page: str, newer: Path, opened: Opened) -> None:
    app = opened(newer.parent, page)
    assert not app.exception and len(app.error) == 1
    assert f"tables of version 99, this program knows up to version {CURRENT}" in words_of(app)
    assert "use the newer program" in words_of(app)


def test_a_click_migrates_nothing(older: Path, opened: Opened) -> None:
    before, app = digest(older), opened(older.parent)
    app.button(key="launch").click().run()
    assert not app.exception and "The command was refused:" in words_of(app) and digest(older) == before
    assert not older.with_name("events.db.version-1").exists()


def test_the_command_keeps_a_copy_and_then_every_page_reads_the_store(
        tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    file = made(tmp_path)
    assert not opened(tmp_path, "history").dataframe
    before = digest(file)
    assert main(["migrate"]) == 0
    said = capsys.readouterr().out
    assert f"from schema version 1 to {CURRENT}" in said and f"before the migration: {file}.version-1" in said
    copy = sqlite.connect(f"{file}.version-1")
    assert copy.execute("SELECT max(version) FROM schema_version").fetchone() == (1,)
    copy.close()
    for page in ("overview", "answers", "history"):
        app = opened(tmp_path, page)
        assert not app.exception and not app.main.error
    assert len(opened(tmp_path, "history").dataframe[0].value) == 2 and digest(file) != before
    assert main(["migrate"]) == 0 and "nothing to do" in capsys.readouterr().out


def test_there_is_nothing_to_migrate_where_there_is_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["migrate"]) == 2 and "nothing to migrate" in capsys.readouterr().err
    assert not (tmp_path / "events.db").exists()
