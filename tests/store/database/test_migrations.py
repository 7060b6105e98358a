"""A store of an earlier version is brought up to date step by step, whole, and by one process at a time."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from sqlalchemy import Connection, inspect, select, text

from store import queries, schema
from store.database import Store, StoreError, integrity_faults, migrations, open_for_reading, open_store
from store.event_log.journal import read_events
from store.projections.rebuild import rebuild

VERSION_1 = Path(__file__).parents[1] / "version_1.sql"


@pytest.fixture
def first_version(tmp_path: Path) -> str:
    """A store as the first version left it: one finished run, one that waits."""
    connection = sqlite.connect(tmp_path / "events.db")
    connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()
    return f"sqlite:///{tmp_path / 'events.db'}"


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All read models, but for a run's plan and a cycle's training: told again, they name the fields of today."""
    with store.read() as connection:
        return {table.name: sorted((tuple(row) for row in connection.execute(
            select(*(column for column in table.columns if column.name not in ("plan", "training"))))), key=repr)
            for table in schema.READ_MODELS}


def test_a_store_of_the_first_version_is_read_as_if_written_today(first_version: str) -> None:
    store = open_store(first_version)
    waiting, finished = sorted(queries.all_runs(store), key=lambda run: run.work, reverse=True)[::-1]
    waiting, finished = (finished, waiting) if finished.work == "queued" else (waiting, finished)
    assert (finished.work, finished.verdict, waiting.work) == ("finished", "no evidence", "queued")
    assert [event.seq for event in read_events(store, finished.id)] == list(range(1, finished.last_event_id + 1))
    assert len(queries.answers_of(store, finished.id, 1)) == 3
    assert [point.value for point in queries.series(store, finished.id, "loss")] == pytest.approx([1, 1 / 2, 1 / 3])
    before = sqlite.connect(f"{first_version.removeprefix('sqlite:///')}.version-1")
    assert before.execute("SELECT max(version) FROM schema_version").fetchone() == (1,)
    assert before.execute("SELECT max(head_seq) FROM claims").fetchone() == (finished.last_event_id,)
    before.close()
    migrated = dump(store)
    with store.write() as connection:
        rebuild(connection)
    assert dump(store) == migrated and not integrity_faults(store)
    store.close()


def test_a_migrated_store_has_the_tables_of_a_new_one(first_version: str, tmp_path: Path) -> None:
    def shape(url: str) -> dict[str, list[str]]:
        store = open_store(url)
        with store.read() as connection:
            looked = inspect(connection)
            found = {name: sorted(column["name"] for column in looked.get_columns(name))
                     for name in looked.get_table_names()}
        store.close()
        return found

    assert shape(first_version) == shape(f"sqlite:///{tmp_path / 'new' / 'events.db'}")


def test_a_step_that_fails_leaves_the_version_before_it(first_version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (a INTEGER)"))
        connection.execute(text("SELECT 1 FROM nowhere"))

    steps = migrations.STEPS
    monkeypatch.setattr(migrations, "STEPS", (*steps, half))
    monkeypatch.setattr(migrations, "CURRENT", len(steps) + 1)
    with pytest.raises(StoreError, match="nowhere"):
        open_store(first_version)
    monkeypatch.undo()
    store = open_store(first_version)  # the steps before it are done, and nothing is left of the one that failed
    with store.read() as connection:
        assert migrations.version_of(connection) == len(steps)
        assert not inspect(connection).has_table("half")
    store.close()


def _open(url: str, opened: multiprocessing.Queue[int]) -> None:
    store = open_store(url)
    opened.put(queries.count_of_runs(store))
    store.close()


def test_processes_that_open_an_empty_store_at_once_make_its_tables_once(store_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    opened: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_open, args=(store_url, opened)) for _ in range(3)]
    for process in processes:
        process.start()
    assert [opened.get(timeout=600) for _ in processes] == [0, 0, 0]
    for process in processes:
        process.join()


def test_processes_that_open_an_old_store_at_once_migrate_it_once(first_version: str) -> None:
    context = multiprocessing.get_context("spawn")
    opened: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_open, args=(first_version, opened)) for _ in range(3)]
    for process in processes:
        process.start()
    assert [opened.get(timeout=600) for _ in processes] == [2, 2, 2]
    for process in processes:
        process.join()
    store = open_for_reading(first_version)
    with store.read() as connection:
        versions = connection.execute(text("SELECT version FROM schema_version ORDER BY version")).scalars().all()
    assert versions == list(range(1, migrations.CURRENT + 1))
    store.close()
