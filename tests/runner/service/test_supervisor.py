"""The supervisor executes runs in child processes: real processes, real kills, fake models."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from runner.cli import foreground
from runner.service.process_locks import (
    AlreadyRunning, acquire_lock, acquire_runner_lock, owner_is_dead, owner_lock_path,
)
from runner.service.supervisor import Supervisor
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import PlanChosen, RecoveryTaken, RunRequeued
from store.paths import Paths
from store.schema import claims
from tests.plain_runs import plain_run
from tests.runner.watching import run_of, tick_until, until

WORKER = (sys.executable, str(Path(__file__).parents[1] / "worker_on_demand.py"))


RUNNER_WITH_A_SLEEPING_WORKER = """
import sys, time
from pathlib import Path
from runner.service.supervisor import Supervisor
from store.database import open_store
from store.paths import Paths

SLEEPER = ("import sys, time; from runner.service.parent_death import die_with_parent; "
           "die_with_parent(sys.argv[2]); print('ready', flush=True); time.sleep(600)")
paths = Paths(Path(sys.argv[1]), sys.argv[2])
supervisor = Supervisor(open_store(paths.store_url), paths, worker=(sys.executable, "-c", SLEEPER))
while True:
    supervisor.tick()
    time.sleep(0.05)
"""


def launch(store: Store, steps: int = 4) -> str:
    return commands.launch_run(store, plain_run(topics=("pods", "services", "jobs"), questions=6, held_out=6,
                                             steps=steps), "test")


def work_of(store: Store, run: str) -> str:
    return run_of(store, run).work


def test_a_queued_run_is_taken_up_and_finished(store: Store, paths: Paths) -> None:
    run = launch(store)
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, lambda: work_of(store, run) == "finished" and supervisor.child is None)
    until(lambda: queries.runners(store)[0].connected, supervisor.send_heartbeat)
    supervisor.close()
    assert queries.runners(store) == []


def test_a_killed_worker_is_replaced_and_the_run_goes_on(store: Store, paths: Paths,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILL_AT", "baseline:before")
    run = launch(store)
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, lambda: supervisor.child is not None)
    monkeypatch.delenv("KILL_AT")
    tick_until(supervisor, lambda: work_of(store, run) == "finished")
    events = [item.event for item in read_events(store, run)]
    recovery = next(event for event in events if isinstance(event, RecoveryTaken))
    assert recovery.kind == "process killed" and "SIGKILL" in recovery.message
    assert any(isinstance(event, RunRequeued) for event in events)
    supervisor.close()


@pytest.mark.parametrize(("kernel_killed", "free", "rung"), [(True, 50, 1), (False, 50, 0), (False, 4, 1)])
def test_a_worker_that_was_killed_for_memory_goes_on_one_rung_down(
        store: Store, paths: Paths, monkeypatch: pytest.MonkeyPatch, kernel_killed: bool, free: int,
        rung: int) -> None:
    """A real SIGKILL; the kernel's own count says whose it was, or that hardly any memory was left."""
    monkeypatch.setenv("KILL_AT", "fine-tune:inside")
    run, kills = launch(store), [7]
    supervisor = Supervisor(store, paths, worker=WORKER, oom_kills=lambda: kills[0], ram_available=lambda: (100, free))
    tick_until(supervisor, lambda: supervisor.child is not None)
    kills[0] += kernel_killed
    monkeypatch.delenv("KILL_AT")
    tick_until(supervisor, lambda: work_of(store, run) == "finished")
    events = [item.event for item in read_events(store, run)]
    assert [event.rung for event in events if isinstance(event, PlanChosen)] == [0, rung]
    (recovery,) = [event for event in events if isinstance(event, RecoveryTaken)]
    assert ("next rung" in recovery.action) == (rung == 1) == ("out of memory" in recovery.message)
    supervisor.close()


def test_a_worker_that_is_killed_again_and_again_fails_its_run_clearly(store: Store, paths: Paths,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILL_AT", "held-out:before")
    run = launch(store)
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, lambda: work_of(store, run) == "failed")
    found = queries.find_run(store, run)
    assert found and found.error_kind == "process killed" and found.advice
    supervisor.close()


@pytest.mark.parametrize(("kind", "then"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_run_at_work_stops_when_asked_and_goes_on_when_asked(store: Store, paths: Paths, kind: str,
                                                               then: str) -> None:
    run = launch(store, steps=10_000)  # far more than can be done before the stop
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, lambda: (queries.find_run(store, run) or pytest.fail()).stage == "fine-tune")
    commands.change_run_state(store, kind, run)
    tick_until(supervisor, lambda: work_of(store, run) == then)
    tick_until(supervisor, lambda: supervisor.child is None)
    commands.change_run_state(store, "resume", run)
    tick_until(supervisor, lambda: work_of(store, run) == "running")
    supervisor.close()
    assert work_of(store, run) == "queued"  # handed back, checkpoints kept


def test_the_run_of_a_dead_runner_is_taken_over_at_once(store: Store, paths: Paths) -> None:
    """A runner killed with -9 takes its worker along, and the next one does not wait for the lease."""
    run = launch(store, steps=10_000)
    other = subprocess.Popen([sys.executable, "-c", RUNNER_WITH_A_SLEEPING_WORKER, str(paths.data), store.url],
                             cwd=Path(__file__).resolve().parents[3])
    log = paths.run(run) / "worker.log"
    until(lambda: log.exists() and "ready" in log.read_text())
    with store.write() as connection:
        claimed = connection.execute(select(claims.c.owner).where(claims.c.run == run)).scalar_one()
        connection.execute(update(claims).values(expires_at=time.time() + 250))  # longer than this test waits
    assert not owner_is_dead(paths.data, claimed)
    other.kill()
    other.wait()
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, lambda: supervisor.child is not None)
    supervisor.close()


def test_a_second_runner_on_one_folder_is_refused_by_name(tmp_path: Path) -> None:
    descriptor = acquire_runner_lock(tmp_path)
    assert descriptor
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\).*DATA_DIR"):
        acquire_runner_lock(tmp_path)
    os.close(descriptor)


def test_an_owner_is_dead_only_where_that_can_be_known(tmp_path: Path) -> None:
    assert not owner_is_dead(tmp_path, "another-host:1:1")
    mine = leases.owner_name()
    assert not owner_is_dead(tmp_path, mine)  # alive, though it serves another data folder
    host = leases.owner_device(mine)
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert owner_is_dead(tmp_path, f"{host}:{ended.pid}:{time.time_ns()}")
    assert owner_is_dead(tmp_path, f"{host}:{os.getpid()}:1")  # an earlier process of this number
    descriptor = acquire_lock(owner_lock_path(tmp_path, mine))
    assert descriptor and not owner_is_dead(tmp_path, mine)
    os.close(descriptor)
    assert owner_is_dead(tmp_path, mine)  # it served this folder, and let go of its lock


def test_one_process_executes_one_run_after_the_other_in_the_foreground(paths: Paths,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground.signal, "signal", lambda *_: None)
    for _ in range(2):
        with foreground._as_runner(paths) as is_runner:
            assert is_runner
            with foreground._as_runner(paths) as second:
                assert not second
