"""Errors are data: the table is whole, and each row does what it says to a run."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

import fakes
import pytest

from runner.recovery import RECOVERY, ErrorKind, kind_of, wait_before
from runner.student.errors import AdapterLoadFailed, ModelLoadFailed, OutOfMemory, TrainingFailed
from runner.teacher.errors import EndpointDown, MissingKey, RateLimited, WrongKey
from runner.worker import work
from store import commands, leases, queries
from store.config import preset
from store.database import Store, open_store
from store.events import RecoveryTaken, StageFailed
from store.journal import read_events
from store.locations import Locations


def test_every_kind_has_its_row() -> None:
    assert set(RECOVERY) == set(ErrorKind)
    assert all(row.advice for row in RECOVERY.values())


@pytest.mark.parametrize(("error", "kind"), [
    (OutOfMemory("x"), ErrorKind.OUT_OF_MEMORY), (MemoryError(), ErrorKind.OUT_OF_MEMORY),
    (RateLimited("x", 3.0), ErrorKind.RATE_LIMIT), (EndpointDown("x"), ErrorKind.TEACHER_UNREACHABLE),
    (MissingKey("x"), ErrorKind.AUTHENTICATION), (WrongKey("x"), ErrorKind.AUTHENTICATION),
    (ModelLoadFailed("x"), ErrorKind.MODEL_LOADING), (AdapterLoadFailed("x"), ErrorKind.MODEL_LOADING),
    (TrainingFailed("x"), ErrorKind.TRAINING), (OSError(errno.ENOSPC, "full"), ErrorKind.DISK_FULL),
    (RuntimeError("database or disk is full"), ErrorKind.DISK_FULL), (KeyError("x"), ErrorKind.BUG)])
def test_errors_find_their_kind(error: Exception, kind: ErrorKind) -> None:
    assert kind_of(error) is kind


def test_the_wait_is_the_servers_own_or_doubles() -> None:
    row = RECOVERY[ErrorKind.RATE_LIMIT]
    assert wait_before(RateLimited("x", 7.5), row, 1) == 7.5
    assert [wait_before(ValueError(), row, attempt) for attempt in (1, 2, 3)] == [5.0, 10.0, 20.0]


def carry_out(tmp_path: Path, fail: Callable[[str], None], cycles: int = 1) -> tuple[Store, str]:
    places = Locations(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(places.store_url)
    run = commands.launch(store, preset("embedded", topics=("pods", "services", "jobs"), questions=6, held_out=6,
                                        cycles=cycles, steps=3), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, places, partial(fakes.fake_bench, fail=fail)) == 0
    return store, run


def once(where: str, error: Exception, times: int = 1) -> Callable[[str], None]:
    """A failure at a place, the first so many times."""
    left = [times]

    def fail(at: str) -> None:
        if at == where and left[0]:
            left[0] -= 1
            raise error
    return fail


@pytest.mark.parametrize("where", ["answer", "likelihoods", "fine_tune"])
def test_out_of_memory_moves_to_the_next_rung_and_the_run_finishes(tmp_path: Path, where: str) -> None:
    store, run = carry_out(tmp_path, once(where, OutOfMemory("no room")))
    found = queries.run_named(store, run)
    assert found and found.work == "finished" and queries.cycles_of(store, run)[0].work == "finished"
    (taken,) = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert taken.kind == "out of memory" and "next rung" in taken.action and taken.message == "no room"


def test_a_failed_training_leaves_the_cycle_honest_and_the_next_one_goes_on(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, once("fine_tune", TrainingFailed("the loss is not a number")), cycles=2)
    first, second = queries.cycles_of(store, run)
    assert (first.work, first.verdict, first.adapter) == ("no adapter", "not measured", None)
    assert "not a number" in (first.sentence or "")
    for pair in queries.answers_of(store, run, 1):
        assert pair.tuned is None and "not a number" in (pair.tuned_missing or "")
        assert pair.baseline and all(after is None for _, after in pair.scores.values())
    assert second.work == "finished" and second.adapter
    assert [item.event.kind for item in read_events(store, run) if isinstance(item.event, StageFailed)] == [
        "training failure"]


def test_an_unforeseen_error_fails_the_run_with_its_trace_kept(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, once("answer", KeyError("surprise")))
    found = queries.run_named(store, run)
    assert found and (found.work, found.error_kind) == ("failed", "unforeseen")
    assert "surprise" in (found.trace or "") and found.advice
    assert queries.cycles_of(store, run) == []


def test_a_full_disk_fails_the_run_clearly_and_it_goes_on_after_space_returns(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, once("answer", OSError(errno.ENOSPC, "No space left on device")))
    found = queries.run_named(store, run)
    assert found and found.error_kind == "disk full" and "DATA_DIR" in (found.advice or "")
    commands.command(store, "retry", run)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, Locations(tmp_path, store.url), fakes.fake_bench) == 0
    assert (queries.run_named(store, run) or pytest.fail()).work == "finished"


def test_without_fine_tuning_the_tuned_side_is_missing_and_says_why(tmp_path: Path) -> None:
    places = Locations(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(places.store_url)
    run = commands.launch(store, preset("embedded", topics=("pods", "jobs"), questions=3, held_out=3,
                                        fine_tune=False), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, places, fakes.fake_bench) == 0
    (cycle,) = queries.cycles_of(store, run)
    assert (cycle.work, cycle.verdict) == ("not tuned", "not measured")
    assert all("switched off" in (pair.tuned_missing or "") for pair in queries.answers_of(store, run, 1))
