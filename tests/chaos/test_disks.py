"""A full disk or a read-only folder: the run fails clearly or continues, and the store stays intact.

Faults at every point of a run are part of the campaign (`make chaos`); here are SQLite's own error for a full disk and
a real file system that is too small.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

from runner.pipeline.worker import execute_claimed_run
from runner.service import worker_exits
from runner.service.supervisor import Supervisor
from store import commands, queries, schema
from store.database import Store, integrity_faults, open_store
from store.event_log import leases
from store.paths import Paths
from store.projections.rebuild import rebuild
from tests.another_user import as_nobody, open_to_all
from tests.runner import fakes
from tests.plain_runs import plain_run

SMALL: dict[str, Any] = {"topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6, "steps": 3}
ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / "tests" / "runner" / "worker_on_demand.py"


def run_of(store: Store, run: str) -> queries.Run:
    found = queries.find_run(store, run)
    assert found
    return found


def is_whole(store: Store) -> bool:
    """Return whether the store is intact and the read models equal a rebuild from the events."""
    def dump() -> dict[str, list[str]]:
        with store.read() as connection:
            return {t.name: sorted(map(repr, connection.execute(select(t)))) for t in schema.READ_MODELS}

    before = dump()
    with store.write() as connection:
        rebuild(connection)
    return integrity_faults(store) == [] and dump() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_run_on_a_full_disk_goes_on_after_space_returns(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITEM_SECONDS", "0.5")
    paths = Paths(small_disk, f"sqlite:///{small_disk / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(**SMALL), "test")
    supervisor = Supervisor(store, paths, worker=(sys.executable, str(WORKER)))
    ballast = small_disk / "ballast"

    def look_until(done: Any, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not done() and time.monotonic() < until:
            supervisor.tick()
            time.sleep(0.05)
        return bool(done())

    assert look_until(lambda: run_of(store, run).stage == "held-out-baseline", 60)
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    look_until(lambda: supervisor.child is None, 40)
    assert run_of(store, run).work in ("running", "failed", "queued", "lost")  # and not finished
    assert run_of(store, run).verdict is None
    ballast.unlink()
    monkeypatch.delenv("ITEM_SECONDS")
    look_until(lambda: not run_of(store, run).active, 90)
    if run_of(store, run).work == "failed":
        assert run_of(store, run).error_kind in ("disk full", "process killed")
        commands.change_run_state(store, "retry", run)
    assert look_until(lambda: run_of(store, run).work == "finished", 90)
    look_until(lambda: supervisor.child is None, 10)
    supervisor.close()
    assert is_whole(store)
    store.close()


def test_sqlite_that_finds_its_disk_full_fails_the_stage_and_keeps_the_store_whole(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.event_log.journal.RETRY_DEADLINE_SECONDS", 0.2)
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(**SMALL), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    store.close()
    with sqlite3.connect(tmp_path / "events.db") as raw:
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.close()
    room = [10_000_000]

    def limit(raw: Any, _record: Any) -> None:
        raw.execute(f"PRAGMA max_page_count={room[0]}")

    event.listen(Engine, "connect", limit)
    try:
        room[0] = pages + 10  # 40 kB: enough to begin with
        with contextlib.suppress(OperationalError):  # where there is not even room to say so
            execute_claimed_run(claim, paths, fakes.fake_resources)
    finally:
        event.remove(Engine, "connect", limit)
    store = open_store(paths.store_url)
    stopped = run_of(store, run)
    assert (stopped.work == "failed" and stopped.error_kind == "disk full") or stopped.work in ("running", "lost")
    assert stopped.verdict is None and is_whole(store)
    leases.release_dead_claims(store, lambda owner: True)
    if stopped.work == "failed":
        commands.change_run_state(store, "retry", run)
    again = leases.claim_next(store, leases.owner_name())
    assert again and execute_claimed_run(again, paths, fakes.fake_resources) == 0
    assert run_of(store, run).work == "finished" and is_whole(store)
    store.close()


def test_a_runner_outlives_a_store_that_fails_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(**SMALL), "test")
    supervisor = Supervisor(store, paths, worker=(sys.executable, "-c", "raise SystemExit(1)"))
    supervisor.tick()
    child = supervisor.child
    assert child
    child.worker.process.wait()
    with monkeypatch.context() as broken:
        def fails(*_: Any, **__: Any) -> None:
            raise OperationalError("UPDATE", {}, Exception("disk I/O error"))

        broken.setattr(worker_exits, "release", fails)
        broken.setattr(worker_exits, "find_run", fails)
        for _ in range(3):
            supervisor.tick()
        assert supervisor.child is child  # not buried yet, and not forgotten
    supervisor.tick()
    assert supervisor.child is None
    told = [event.kind for event in queries.incidents(store, run)]
    assert told == ["RecoveryTaken"]  # once, in spite of the looks in between
    supervisor.close()
    store.close()


def test_a_data_folder_that_turns_read_only_fails_the_run_clearly(tmp_path: Path) -> None:
    """As a user who may write the store, and not the folder of the run."""
    # What a worker needs is read before: the program may be in a place where that user finds nothing.
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    _carry_one_out(paths)
    with open_to_all() as folder:
        folder.chmod(0o777)
        there = Paths(folder / "data", f"sqlite:///{folder / 'events.db'}")
        (folder / "data").mkdir(mode=0o555)
        assert as_nobody(lambda: _carry_one_out(there)) == "0"
        store = open_store(there.store_url)
        (run,) = queries.all_runs(store)
        assert (run.work, run.error_kind) == ("failed", "disk failure")
        assert "Permission denied" in (run.error or "") and "permission" in (run.advice or "")
        store.close()


def _carry_one_out(paths: Paths) -> int:
    store = open_store(paths.store_url)
    commands.launch_run(store, plain_run(**SMALL), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    store.close()
    return execute_claimed_run(claim, paths, fakes.fake_resources)
