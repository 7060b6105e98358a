"""What the store is given and cannot use: refused or survived, with a sentence that says why and what to do."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from store import commands, queries, schema
from store.database import Store, StoreError, integrity_faults, open_for_reading, open_store, sqlite
from store.event_log import leases
from store.event_log.journal import Journal, LeaseLost, read_events
from store.events import AnswerRecord, AnswersGiven, CycleStarted, RunStarted
from store.projections.rebuild import rebuild
from tests.another_user import as_nobody, open_to_all
from tests.plain_runs import plain_run

MOUNTS = """/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
//files/team /mnt/team\\040files cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
tmpfs /home/fast tmpfs rw 0 0
"""


@pytest.mark.parametrize("opening", [open_store, open_for_reading])
def test_an_affected_sqlite_is_refused_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 opening: object) -> None:
    (tmp_path / "events.db").touch()
    monkeypatch.setattr(sqlite, "library_version", lambda: (3, 40, 1))
    with pytest.raises(StoreError, match=r"SQLite 3\.40\.1 can corrupt.*pysqlite3"):
        opening(f"sqlite:///{tmp_path / 'events.db'}")  # type: ignore[operator]
    assert (tmp_path / "events.db").stat().st_size == 0


@pytest.mark.parametrize(("path", "kind"), [
    ("/home/me/data/events.db", "nfs4"), ("/home/fast/events.db", "tmpfs"), ("/srv/data/events.db", "ext4"),
    ("/mnt/team files/events.db", "cifs"), ("/mnt/ssh/events.db", "fuse.sshfs")])
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(path: str, kind: str) -> None:
    assert sqlite.file_system_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("kind", "refused"), [("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("9p", True),
                                               ("ext4", False), ("tmpfs", False), ("", False)])
def test_a_network_file_system_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str,
                                                           refused: bool) -> None:
    monkeypatch.setattr(sqlite, "file_system_of", lambda path: kind)
    if refused:
        with pytest.raises(StoreError, match=f"network file system.*{kind}.*DATA_DIR.*PostgreSQL"):
            open_store(f"sqlite:///{tmp_path / 'events.db'}")
        assert not list(tmp_path.iterdir())
    else:
        open_store(f"sqlite:///{tmp_path / 'events.db'}").close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the kernel does not say what a process has open")
def test_a_second_library_on_the_file_in_this_process_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    open_store(url).close()
    other = sqlite3.connect(tmp_path / "events.db")
    other.execute("SELECT count(*) FROM runs").fetchone()
    with pytest.raises(StoreError, match="another SQLite library"):
        open_store(url)
    other.close()
    first, second = open_store(url), open_for_reading(url)  # this library twice is one library
    first.close()
    second.close()


def test_a_folder_without_permission_is_named() -> None:
    with open_to_all() as folder:
        said = as_nobody(lambda: open_store(f"sqlite:///{folder / 'events.db'}"))
        assert f"the store sqlite:///{folder}" in said and "cannot be opened" in said and "DATA_DIR" in said
        made = as_nobody(lambda: open_store(f"sqlite:///{folder / 'data' / 'events.db'}"))
        assert f"the data folder {folder / 'data'} cannot be made (Permission denied)" in made
        assert not list(folder.iterdir())


def test_a_store_of_somebody_else_is_named_by_whoever_may_not_write_it() -> None:
    """Readers too write beside a SQLite store in WAL mode: where they may not, they hear so, and nothing breaks."""
    with open_to_all() as folder:
        url = f"sqlite:///{folder / 'events.db'}"
        open_store(url).close()
        before = (folder / "events.db").read_bytes()
        for opening in (open_store, open_for_reading):
            said = as_nobody(lambda opening=opening: opening(url))  # type: ignore[misc]
            assert said.startswith("StoreError") and "may be written" in said and "DATA_DIR" in said
        (folder / "events.db").chmod(0)
        for opening in (open_store, open_for_reading):
            assert as_nobody(lambda opening=opening: opening(url)).startswith("StoreError")  # type: ignore[misc]
        (folder / "events.db").chmod(0o644)
        assert (folder / "events.db").read_bytes() == before
        store = open_store(url)
        assert integrity_faults(store) == []
        store.close()


def test_a_clock_that_jumps_ahead_takes_a_claim_away_but_lets_nobody_write_twice(
        store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    Journal(store, claim).append(RunStarted("host:1:1", 1, {}, ()))
    later = time.time() + 3600
    monkeypatch.setattr("time.time", lambda: later)
    taken = leases.claim_next(store, "host:2:1")
    assert taken and taken.fence == claim.fence + 1
    with pytest.raises(LeaseLost):
        Journal(store, claim).append(CycleStarted(), cycle=1)
    Journal(store, taken).append(CycleStarted(), cycle=1)
    assert [item.seq for item in read_events(store, run)] == [1, 2, 3]


def test_a_clock_that_jumps_back_does_not_keep_a_dead_runners_claim_for_hours(
        store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    Journal(store, claim).append(RunStarted("host:1:1", 1, {}, ()))
    earlier = time.time() - 3600
    monkeypatch.setattr("time.time", lambda: earlier)
    shown = queries.find_run(store, run)
    assert shown and shown.work == "lost"  # no lease is granted for an hour: this one is from another time
    assert leases.claim_next(store, "host:2:1")


def test_events_keep_their_order_whatever_the_clock_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    journal = Journal(store, claim)
    journal.append(RunStarted("host:1:1", 1, {}, ()))
    with store.write() as connection:  # as if the clock had been an hour ahead then
        connection.execute(update(schema.events).where(schema.events.c.seq == 2)
                           .values(at="2999-01-01T00:00:00.000000Z"))
    journal.append(CycleStarted(), cycle=1)
    told = read_events(store, run)
    assert [item.kind for item in told] == ["RunRequested", "RunStarted", "CycleStarted"]
    assert queries.last_event_id(store, run) == 3


def test_a_command_row_with_junk_disturbs_nobody(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(schema.commands), [
            {"token": "junk", "kind": "DROP TABLE runs", "run": "no such run", "at": "yesterday"},
            {"token": "\x00", "kind": "", "run": None, "at": ""}])
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim and claim.run == run
    with pytest.raises(commands.CommandRefused, match="no run 'no such run'"):
        commands.change_run_state(store, "cancel", "no such run")


def test_a_text_with_a_nul_in_it_is_kept_as_it_came_and_shown(store: Store) -> None:
    """PostgreSQL's texts cannot hold one; JSON can, so events keep it everywhere."""
    run = commands.launch_run(store, plain_run(name="a\x00b"), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    told = AnswersGiven("baseline", (AnswerRecord("q1", "half\x00way", None, 3, 0.5, False),))
    Journal(store, claim).append(told, cycle=1, stage="baseline")
    assert read_events(store, run)[-1].event == told
    with store.read() as connection:
        shown = connection.execute(text("SELECT text FROM answers")).scalar_one()
    assert shown == ("half\x00way" if store.is_sqlite else "half\u2400way")
    with store.write() as connection:
        assert rebuild(connection) == 2


def test_an_event_of_a_kind_that_nobody_knows_is_named_and_the_log_goes_on(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    with store.write() as connection:
        connection.execute(insert(schema.events).values(run=run, seq=2, kind="FromTheFuture", payload="{}",
                                                        at="2026-01-01T00:00:00.000000Z"))
    assert [line.kind for line in queries.latest_events(store, run)] == ["FromTheFuture", "RunRequested"]
    with pytest.raises(ValueError, match=f"FromTheFuture.*{run}.*newer"), store.write() as connection:
        rebuild(connection)
    assert queries.count_of_runs(store) == 1 and not integrity_faults(store)  # a rebuild that fails changes nothing


def test_a_store_of_an_earlier_version_is_not_read_before_it_is_brought_up_to_date(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    store = open_store(url)
    with store.write() as connection:
        connection.execute(text("DELETE FROM schema_version WHERE version > 1"))
    store.close()
    with pytest.raises(StoreError, match=r"version 1.*python -m runner migrate"):
        open_for_reading(url)
