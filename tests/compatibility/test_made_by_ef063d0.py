"""A data folder made by commit ef063d0 opens, resumes, reports and compares with the program as it is now.

`made_by_ef063d0.tar.xz` holds the folder (a store, its checkpoints, adapters of rank 1, a shared held-out set), the
tiny student it was made with, and `expected.json`: the tables, the JSON report and the JSON comparison as that commit
wrote them. Whatever stood there must stand there still; more may have come.
"""

from __future__ import annotations

import json
import re
import shlex
import tarfile
from pathlib import Path
from typing import Any

import fakes
import pytest
import tiny_runs
from sqlalchemy import select

from runner.cli.main import main
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries, schema
from store.config_metadata import settings_of
from store.database import Store, integrity_faults, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import StageFinished, StageStarted
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.run_config import RunConfig, earlier_values

ARCHIVE = Path(__file__).parent / "made_by_ef063d0.tar.xz"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """The unpacked folder; its paths are relative to the working directory."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", "data")
    return Paths(Path("data"), "sqlite:///data/events.db")


@pytest.fixture
def store(paths: Paths) -> Store:
    return open_store(paths.store_url)


def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("expected.json").read_text())
    return found


def run_called(store: Store, name: str) -> queries.Run:
    (found,) = (run for run in queries.all_runs(store) if run.name == name)
    return found


DERIVED_PROSE = (".over_cycles.sentence",)
"""Sentences that are written anew from stored numbers each time; their wording may change, their numbers may not."""


def holds(now: Any, then: Any, where: str = "") -> None:
    """Assert that everything in `then` stands in `now` unchanged."""
    if where.endswith(DERIVED_PROSE):
        assert [*re.findall(r"[\d.]*\d", now)] == [*re.findall(r"[\d.]*\d", then)], where
    elif where.endswith(".command"):
        added = set(shlex.split(now)) - set(shlex.split(then))
        assert set(shlex.split(then)) <= set(shlex.split(now)), where
        before = earlier_values(RunConfig)
        later = {setting.flag: before.get(setting.name) for setting in settings_of(RunConfig)}
        for flag, _, value in (word.partition("=") for word in added):  # fields of later, with the value of before
            name, _, given = value.partition("=")
            if flag == "--set":
                assert before[name] == json.loads(given), where
            else:
                assert str(later[flag]) == (value or "False"), where
    elif isinstance(then, dict):
        assert isinstance(now, dict) and then.keys() <= now.keys(), (where, then.keys() - now.keys())
        for key, value in then.items():
            holds(now[key], value, f"{where}.{key}")
    elif isinstance(then, list):
        assert len(now) == len(then), where
        for index, value in enumerate(then):
            holds(now[index], value, f"{where}[{index}]")
    else:
        assert now == then, where


def test_it_is_small() -> None:
    assert ARCHIVE.stat().st_size < 2 * 1024**2


def missing(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that no row of today has the values of; columns and JSON fields of later do not count."""
    columns = sorted(then[0]) if then else []
    assert all(sorted(row) == columns for row in then)
    fields = {column: {key for row in then for key in json_object(row[column])} for column in columns}

    def values(row: dict[str, Any]) -> tuple[object, ...]:  # a truth value equals 1 or 0, as SQLite holds it
        return tuple(json.dumps({key: value for key, value in found.items() if key in fields[column]}, sort_keys=True)
                     if (found := json_object(row[column])) else json.dumps(row[column])
                     if isinstance(row[column], list) else row[column] for column in columns)
    today = {values(row) for row in now}
    return [row for row in then if values(row) not in today]


def json_object(value: object) -> dict[str, Any]:
    """The JSON object that a column holds; empty for any other value."""
    found = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    return found if isinstance(found, dict) else {}


def test_its_read_models_are_what_they_were_and_can_be_rebuilt(store: Store) -> None:
    assert not integrity_faults(store)
    tables = expected()["tables"]
    for _ in range(2):
        with store.read() as connection:
            for table in schema.READ_MODELS:
                rows = [dict(row._mapping) for row in connection.execute(select(table))]
                for row in missing(tables.get(table.name, ()), rows):
                    raise AssertionError((table.name, row))
        with store.write() as connection:
            rebuild(connection)


def test_its_report_and_comparison_say_what_they_said(paths: Paths, store: Store, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (run_called(store, name).id for name in ("first", "second"))
    store.close()
    assert main(["report", first, "--to", "report.json"]) == 0
    holds(json.loads(Path("report.json").read_text()), expected()["report"])
    capsys.readouterr()
    assert main(["compare", first, second, "--json"]) == 0
    holds(json.loads(capsys.readouterr().out), expected()["compare"])


def test_a_paused_run_goes_on_from_its_checkpoints(paths: Paths, store: Store) -> None:
    paused = run_called(store, "paused")
    finished = {(item.stage, item.cycle) for item in read_events(store, paused.id)
                if isinstance(item.event, StageFinished)}
    commands.change_run_state(store, "resume", paused.id)
    claim = leases.claim_next(store, leases.owner_name(), run=paused.id)
    assert claim and execute_claimed_run(claim, paths, tiny_runs.tiny_resources) == 0
    now = queries.find_run(store, paused.id)
    assert now and now.work == "finished" and now.verdict, now and now.trace
    again = [(item.stage, item.cycle) for item in read_events(store, paused.id, paused.last_event_id)
             if isinstance(item.event, StageStarted)]
    assert len(finished) > 12 and ("tuned", 2) in again and not set(again) & finished
    parts = [row for row in queries.answers_of(store, paused.id, 2) if row.tuned is not None]
    assert len(parts) == 10


def test_a_queued_run_takes_up_the_shared_held_out_set(paths: Paths, store: Store) -> None:
    waiting, first = run_called(store, "waiting"), run_called(store, "first")
    claim = leases.claim_next(store, leases.owner_name(), run=waiting.id)
    assert claim and execute_claimed_run(claim, paths, fakes.fake_resources) == 0
    now = queries.find_run(store, waiting.id)
    assert now and now.work == "finished" and now.held_out_hash == first.held_out_hash
