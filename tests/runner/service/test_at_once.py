"""One runner with several workers: real processes, real kills, one run a GPU."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import main
from runner.service import supervisor as supervisor_module
from runner.service.devices import runs_at_once, visible_gpus
from runner.service.supervisor import Supervisor
from store import commands
from store.database import Store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AdapterTrained, RecoveryTaken, RunRequeued
from store.paths import Paths
from tests.plain_runs import plain_run
from tests.runner.tiny_models import llama_folder
from tests.runner.watching import run_of, tick_until

FOLDER = Path(__file__).parents[1]
WORKER = (sys.executable, str(FOLDER / "worker_on_demand.py"))
TINY_WORKER = (sys.executable, str(FOLDER / "tiny_worker.py"))
STUBBORN = (sys.executable, "-S", "-c", "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "print(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'), flush=True); time.sleep(600)")
ENDLESS = 10_000


def launch(store: Store, count: int, **changes: Any) -> list[str]:
    small = {"topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6, "steps": 4}
    return [commands.launch_run(store, plain_run(**small | changes), "test") for _ in range(count)]


@pytest.mark.slow
def test_two_runs_go_on_at_once_and_the_third_waits_for_a_place(store: Store, paths: Paths) -> None:
    first, second, third = *launch(store, 2, steps=ENDLESS), *launch(store, 1)
    supervisor = Supervisor(store, paths, worker=WORKER, at_once=2)
    tick_until(supervisor, lambda: [run_of(store, run).stage for run in (first, second)] == ["fine-tune"] * 2)
    assert run_of(store, third).work == "queued" and len(supervisor.children) == 2
    device = leases.owner_device(supervisor.owner)
    assert leases.claim_next(store, f"{device}:1:1", one_a_device=True, at_once=2) is None  # another runner's turn
    kept = next(child.worker.process for child in supervisor.children if child.claim.run == second)
    commands.change_run_state(store, "cancel", first)
    tick_until(supervisor, lambda: run_of(store, third).work == "finished")
    assert run_of(store, first).work == "cancelled"
    assert run_of(store, second).work == "running" and kept.poll() is None
    supervisor.close()
    assert run_of(store, second).work == "queued" and supervisor.children == []


def test_a_killed_worker_does_not_touch_the_other(store: Store, paths: Paths) -> None:
    first, second = launch(store, 2, steps=ENDLESS)
    supervisor = Supervisor(store, paths, worker=WORKER, at_once=2, oom_kills=lambda: 0, ram_available=lambda: (2, 1))
    tick_until(supervisor, lambda: [run_of(store, run).stage for run in (first, second)] == ["fine-tune"] * 2)
    killed, kept = (next(child for child in supervisor.children if child.claim.run == run) for run in (first, second))
    killed.worker.process.kill()
    tick_until(supervisor, lambda: run_of(store, first).attempts == 2 and run_of(store, first).stage == "fine-tune")
    assert kept in supervisor.children and kept.worker.process.poll() is None
    assert [item.event.kind for item in read_events(store, first) if isinstance(item.event, RecoveryTaken)] == [
        "process killed"]
    assert not [item for item in read_events(store, second) if isinstance(item.event, RecoveryTaken | RunRequeued)]
    supervisor.close()


@pytest.mark.slow
def test_two_trainings_at_once_come_to_the_same_adapter_though_one_is_killed(store: Store, paths: Paths,
                                                                             tmp_path: Path) -> None:
    """Real tiny students, real training, kill -9 within the training of one of them."""
    tiny = llama_folder(tmp_path / "tiny")
    first, second = launch(store, 2, student=str(tiny), precision="fp32", steps=60, max_new_tokens=4, batch_size=2)
    supervisor = Supervisor(store, paths, worker=TINY_WORKER, at_once=2, oom_kills=lambda: 0,
                            ram_available=lambda: (2, 1))
    checkpoints = paths.run(first) / "cycle-01" / "adapter" / "checkpoints"
    tick_until(supervisor, lambda: list(checkpoints.glob("checkpoint-*/seal.json")))
    next(child for child in supervisor.children if child.claim.run == first).worker.process.kill()
    tick_until(supervisor, lambda: {run_of(store, run).work for run in (first, second)} == {"finished"})
    supervisor.close()
    adapters = [item.event.sha256 for run in (first, second) for item in read_events(store, run)
                if isinstance(item.event, AdapterTrained)]
    assert len(adapters) == 2 and len(set(adapters)) == 1
    assert [run_of(store, run).attempts for run in (first, second)] == [2, 1]


def test_each_worker_has_a_gpu_of_its_own_and_all_stop_together(store: Store, paths: Paths,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_TIMEOUT_SECONDS", 0.5)
    runs = launch(store, 3)
    supervisor = Supervisor(store, paths, worker=STUBBORN, at_once=2, gpus=("0", "1"))
    logs = [paths.run(run) / "worker.log" for run in runs]
    tick_until(supervisor, lambda: all(log.exists() and log.read_text() for log in logs[:2]))
    assert [log.read_text() for log in logs[:2]] == ["0\n", "1\n"] and not logs[2].exists()
    next(child for child in supervisor.children if child.worker.gpu == "0").worker.process.kill()
    tick_until(supervisor, lambda: logs[0].read_text() == "0\n0\n")  # goes on at the GPU that is free again
    supervisor.stopping.set()
    supervisor.tick()
    assert supervisor.stopped.is_set() and supervisor.children == []
    assert {run_of(store, run).work for run in runs} == {"queued"}
    supervisor.close()


def test_a_worker_that_hangs_past_its_lease_is_killed_where_its_run_is_claimed_again(store: Store,
                                                                                     paths: Paths) -> None:
    (run,) = launch(store, 1)
    supervisor = Supervisor(store, paths, worker=STUBBORN, at_once=2)
    tick_until(supervisor, lambda: supervisor.child)
    hanging = supervisor.child
    assert hanging
    os.killpg(hanging.worker.process.pid, signal.SIGSTOP)
    with store.write() as connection:
        from sqlalchemy import update

        from store.schema import claims
        connection.execute(update(claims).where(claims.c.run == run).values(expires_at=1.0))
    tick_until(supervisor, lambda: supervisor.child is not hanging and supervisor.child)
    assert hanging.worker.process.poll() == -signal.SIGKILL and len(supervisor.children) == 1
    for child in supervisor.children:
        child.worker.process.kill()
    supervisor.close()


@pytest.mark.parametrize(("wanted", "gpus", "most"), [
    (None, (), 1), (3, (), 3), (None, ("0",), 1), (4, ("0",), 1), (None, ("0", "1"), 2), (1, ("0", "1"), 1),
    (8, ("0", "1", "2"), 3)])
def test_there_is_one_run_a_gpu_and_one_on_the_processor_unless_told(wanted: int | None, gpus: tuple[str, ...],
                                                                     most: int) -> None:
    assert runs_at_once(wanted, gpus) == most


@pytest.mark.parametrize(("chosen", "says", "gpus"), [
    ("0,2", "", ("0", "2")), ("", "", ()), ("-1", "", ()), ("1,-1,2", "", ("1",)), ("GPU-ab, GPU-cd", "", ("GPU-ab",
                                                                                                      "GPU-cd")),
    (None, "GPU 0: A (UUID: GPU-x)\nGPU 1: B (UUID: GPU-y)\n", ("0", "1")), (None, None, ()),
    (None, "exit 9", ())])
def test_gpus_are_those_that_the_driver_lists_or_the_environment_chose(tmp_path: Path, chosen: str | None,
                                                                      says: str | None, gpus: tuple[str, ...]) -> None:
    """The driver's tool is a script here: there is no GPU."""
    if says is not None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text("#!/bin/sh\nexit 9\n" if says == "exit 9" else f"#!/bin/sh\nprintf '{says}'\n")
        tool.chmod(0o755)
    environment = {"PATH": str(tmp_path)} | ({} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen})
    assert visible_gpus(environment) == gpus


@pytest.mark.parametrize("count", ["0", "65", "two", "-1"])
def test_a_number_of_runs_that_makes_no_sense_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["serve", f"--at-once={count}"])
    assert refused.value.code == 2 and "use 1 to 64" in capsys.readouterr().err
