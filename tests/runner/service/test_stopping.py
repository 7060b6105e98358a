"""Cancel, pause, resume and retry take effect between items and within long ones; finished work is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.llm.errors import RateLimited
from runner.pipeline.worker import _sleep
from runner.protocols import TrainingConfig, TrainingExample, TrainingStep
from runner.service.supervisor import STOP_TIMEOUT_SECONDS, Supervisor
from runner.student import training_checkpoints
from store import commands
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, StopRequested, read_events
from store.events import StageFinished
from store.paths import Paths
from tests.runner.tiny_models import llama_folder, student
from tests.runner.watching import run_of, tick_until, until
from tests.plain_runs import plain_run

ROOT = Path(__file__).resolve().parents[3]
WORKER = (sys.executable, str(Path(__file__).parents[1] / "worker_on_demand.py"))


def launch(store: Store) -> str:
    return commands.launch_run(store, plain_run(topics=("pods", "services", "jobs"), questions=8, held_out=8,
                                             steps=3), "test")


def hold_at_item(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker waits within this item, for the file `go`."""
    monkeypatch.setenv("ITEM_FOLDER", str(folder))
    monkeypatch.setenv("HOLD_ITEM", str(number))


def asked(paths: Paths, kind: str, run: str) -> None:
    """On the command line, as a person does."""
    environment = os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": paths.store_url}
    done = subprocess.run([sys.executable, "-m", "runner", kind, run], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("kind", "then"), [
    pytest.param("cancel", "cancelled", marks=pytest.mark.slow), ("pause", "paused")])
def test_a_run_stops_before_its_next_item(store: Store, paths: Paths, tmp_path: Path, kind: str, then: str,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    hold_at_item(3, tmp_path, monkeypatch)
    run = launch(store)
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, (tmp_path / "held").exists)
    asked(paths, kind, run)
    (tmp_path / "go").touch()
    until(lambda: run_of(store, run).work == then)  # by itself: a supervisor that looks on might kill it in the end
    assert len((tmp_path / "items").read_text().splitlines()) == 3
    tick_until(supervisor, lambda: supervisor.child is None)
    monkeypatch.delenv("ITEM_FOLDER")
    before = [item.stage for item in read_events(store, run) if isinstance(item.event, StageFinished)]
    commands.change_run_state(store, "resume", run)
    tick_until(supervisor, lambda: run_of(store, run).work == "finished")
    after = [item.stage for item in read_events(store, run) if isinstance(item.event, StageFinished)]
    assert after[:len(before)] == before and len(after) == len(set(after))  # went on; did nothing again
    supervisor.close()


@pytest.mark.slow
def test_in_the_middle_of_a_long_item_a_run_is_stopped_all_the_same(store: Store, paths: Paths, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    assert STOP_TIMEOUT_SECONDS < 10
    hold_at_item(1, tmp_path, monkeypatch)  # and it would never end
    run = launch(store)
    supervisor = Supervisor(store, paths, worker=WORKER)
    tick_until(supervisor, (tmp_path / "held").exists)
    commands.change_run_state(store, "cancel", run)
    tick_until(supervisor, lambda: run_of(store, run).work == "cancelled")
    monkeypatch.delenv("ITEM_FOLDER")
    commands.change_run_state(store, "retry", run)
    tick_until(supervisor, lambda: run_of(store, run).work == "finished")
    supervisor.close()


def test_a_wait_for_the_teacher_ends_with_the_stop(store: Store) -> None:
    run = launch(store)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    journal = Journal(store, claim)
    commands.change_run_state(store, "pause", run)
    journal.flush()  # what the heartbeat does twice a second
    with pytest.raises(StopRequested):  # and not after an hour
        _sleep(journal, RateLimited("a long one", 3600.0).wait_seconds or 0)


def test_a_run_of_nobody_is_cancelled_at_once_and_a_late_waker_cannot_write(store: Store) -> None:
    """Its owner sleeps past its lease; nobody is there to be asked."""
    from sqlalchemy import update

    from store.event_log.journal import LeaseLost
    from store.events import CycleStarted, RunStarted
    from store.schema import claims

    run = launch(store)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    journal = Journal(store, claim)
    journal.append(RunStarted(claim.owner, 1, {}, ()))
    with store.write() as connection:
        connection.execute(update(claims).values(expires_at=time.time() - 1))
    assert run_of(store, run).work == "lost"
    commands.change_run_state(store, "cancel", run)
    assert run_of(store, run).work == "cancelled"
    with pytest.raises(LeaseLost):
        journal.append(CycleStarted(), cycle=1)


def test_a_training_that_is_stopped_saves_where_it_stands_and_ends_as_if_undisturbed(tmp_path: Path) -> None:
    recipe = TrainingConfig(steps=12, learning_rate=1e-2, batch_size=2, gradient_accumulation=1,
                            gradient_checkpointing=False,
                            lora_rank=4, lora_alpha=8, lora_dropout=0.05, target_modules=("q_proj", "v_proj"),
                            max_sequence_tokens=64, seed=3)
    examples = [TrainingExample("What is a Pod?", "A group of containers."), TrainingExample("Why?", "So.")]
    tiny = student(llama_folder(tmp_path / "llama"))
    calm = tiny.fine_tune(examples, recipe, None, tmp_path / "calm", lambda _: None)
    told: list[int] = []

    def stop_at_the_third(step: TrainingStep) -> None:
        told.append(step.step)
        if step.step == 3:
            raise StopRequested("cancel")

    with pytest.raises(StopRequested):
        tiny.fine_tune(examples, recipe, None, tmp_path / "stopped", stop_at_the_third)
    # Of its own accord it saves every second step only.
    kept = tmp_path / "stopped" / training_checkpoints.FOLDER / "checkpoint-3"
    assert told == [1, 2, 3] and (kept / training_checkpoints.SEAL).exists()
    again = tiny.fine_tune(examples, recipe, None, tmp_path / "stopped", lambda s: told.append(s.step))
    assert told == [1, 2, 3, *range(4, 13)] and again.adapter_sha256 == calm.adapter_sha256
