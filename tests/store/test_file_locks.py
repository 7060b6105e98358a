"""File locks: who holds one keeps others out until it is released; and what happens where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import UserError
from runner.service.process_locks import acquire_lock
from store import file_locks
from store.database.write_lock import FairWriteLock


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("ab") as one, (tmp_path / "lock").open("ab") as two:
        assert file_locks.try_lock(one.fileno()) and not file_locks.try_lock(two.fileno())
        file_locks.unlock(one.fileno())
        file_locks.wait_for_lock(two.fileno())
        assert not file_locks.try_lock(one.fileno())


def test_without_locks_the_store_still_writes_and_no_run_is_executed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_locks, "AVAILABLE", False)
    assert not FairWriteLock(tmp_path / "events.db").acquire()
    with pytest.raises(UserError, match="cannot lock files"):
        acquire_lock(tmp_path / "data" / "runner.lock")
    assert not (tmp_path / "data").exists()
