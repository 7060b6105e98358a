"""Many processes on one store: nobody is told that it is locked, and nobody waits long for the turn to write."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path

import pytest

from store import commands, queries
from store.database import open_store, write_lock
from tests.bench.contention import measure
from tests.plain_runs import plain_run


@pytest.mark.parametrize(("writers", "readers"), [(4, 1), pytest.param(1, 8, marks=pytest.mark.slow)])
def test_writers_and_readers_share_a_store_without_refusal_or_long_waits(writers: int, readers: int) -> None:
    found = measure(writers, readers, seconds=1.5)
    assert found.refused == []
    assert found.worst_write_seconds < write_lock.LOCK_TIMEOUT_SECONDS  # the benchmark measures how long it takes
    assert found.least_writes > 0


def test_who_waits_for_the_turn_is_not_overtaken_by_the_one_whose_turn_has_ended(tmp_path: Path) -> None:
    first, second = (write_lock.FairWriteLock(tmp_path / "events.db") for _ in range(2))
    order = []

    def write() -> None:
        assert second.acquire()
        order.append("second")
        second.release()

    assert first.acquire()
    waiting = threading.Thread(target=write)
    waiting.start()
    while not is_locked(tmp_path / "events.db-door"):
        time.sleep(0.01)
    first.release()
    assert first.acquire()
    order.append("first")
    first.release()
    waiting.join(120)
    assert order == ["second", "first"]
    first.close()
    second.close()


def is_locked(path: Path) -> bool:
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_a_writer_that_was_stopped_in_its_turn_holds_nobody_up_for_ever(tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_lock, "LOCK_TIMEOUT_SECONDS", 0.2)
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    acquired, acquire = [], write_lock.FairWriteLock.acquire

    def noted(lock: write_lock.FairWriteLock) -> bool:
        acquired.append(acquire(lock))
        return acquired[-1]

    monkeypatch.setattr(write_lock.FairWriteLock, "acquire", noted)
    with (tmp_path / "events.db-turn").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        commands.launch_run(store, plain_run(), "test")
        assert acquired == [False]
        fcntl.flock(other, fcntl.LOCK_UN)
        monkeypatch.setattr(write_lock, "LOCK_TIMEOUT_SECONDS", 120.0)
        commands.launch_run(store, plain_run(), "test")  # and the turn is free again for everybody
        assert acquired == [False, True]
    assert queries.count_of_runs(store) == 2
    store.close()


def test_a_transaction_inside_a_transaction_is_refused_and_the_outer_one_stays_whole(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    with store.write() as connection:
        commands.launch_in_transaction(connection, plain_run(), "test", "token", 0)
        with pytest.raises(RuntimeError, match="hand its connection on"):
            commands.launch_run(store, plain_run(), "test")
    assert queries.count_of_runs(store) == 1
    store.close()
