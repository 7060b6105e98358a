"""Every data folder has a store of its own inside it, whatever characters its name has."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import commands, queries
from store.database import open_for_reading, open_store
from store.paths import default_paths, sqlite_file, sqlite_url
from tests.plain_runs import plain_run


@pytest.mark.parametrize("name", ["a?one", "a?two", "100%", "%3F", "%253F", "a b", "ü#x", "a&b=c"])
def test_the_store_is_a_file_inside_the_folder(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORE_URL", raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / name))
    paths = default_paths()
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(), "test")
    store.close()
    file = tmp_path / name / "events.db"
    assert file.is_file() and sqlite_file(paths.store_url) == file
    assert {path.name for path in tmp_path.iterdir()} == {name}
    reading = open_for_reading(paths.store_url)
    assert [found.id for found in queries.all_runs(reading)] == [run]
    reading.close()


def test_a_url_is_parsed_back_to_its_file() -> None:
    for name in ("/x/a?b/events.db", "/x/50%25/e.db"):
        assert sqlite_file(sqlite_url(Path(name))) == Path(name)
    assert sqlite_file("postgresql+psycopg://h/db") is None
