"""The operating instructions of the README, tested: systemd unit, container, exit codes, folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.cli import foreground
from runner.cli.main import main, parser
from runner.service import runner_log, serve
from runner.service.supervisor import Supervisor
from store import commands, queries
from store.database import Store, open_store
from store.event_log.journal import read_events
from store.events import RecoveryTaken
from store.paths import Paths
from tests.addresses import address_in
from tests.plain_runs import plain_run
from tests.runner.watching import LIMIT_SECONDS, run_of, tick_until, until

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "runner" / "service" / "README.md").read_text(encoding="utf-8")
COMMANDS_README = (ROOT / "runner" / "cli" / "README.md").read_text(encoding="utf-8")
SLEEPER = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
WORKER = (sys.executable, str(Path(__file__).parents[1] / "worker_on_demand.py"))
INSTALLED = "/opt/distillation"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "data", address_in(tmp_path / "data"))


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    opened = open_store(paths.store_url)
    yield opened
    opened.close()


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """A command in the foreground takes SIGTERM for Ctrl-C; the tests after it must not."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def in_the_readme(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.M | re.S)
    return str(found)


def launch(store: Store, **more: Any) -> str:
    small = {"topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6, "steps": 4}
    return commands.launch_run(store, plain_run(**small | more), "test")


# --- the unit and the container file ---


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "distillation.service"
    told = in_the_readme("ini")
    assert f"ExecStart={INSTALLED}/.venv/bin/python -m runner serve\n" in told
    unit.write_text(told.replace(f"{INSTALLED}/.venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=now-and-then"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert "now-and-then" in done.stderr  # it does look


def test_the_unit_waits_longer_than_a_runner_takes_to_drain() -> None:
    seconds = re.search(r"^TimeoutStopSec=(\d+)$", in_the_readme("ini"), flags=re.M)
    assert seconds and int(seconds[1]) > serve.DRAIN_SECONDS + 10


def test_the_container_file_runs_what_is_there_and_takes_no_secret_along() -> None:
    lines = in_the_readme("dockerfile").replace("\\\n", " ").splitlines()
    command = json.loads(next(line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")))
    assert command[:3] == [".venv/bin/python", "-m", "runner"] and parser().parse_args(command[3:]).execute
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    made = [line.split()[2] for line in lines if line.startswith("RUN make ")]
    assert made and set(made) <= targets
    users = [line for line in lines if line.startswith("USER ")]
    assert users and users[-1] != "USER root"
    left_out = set((ROOT / ".dockerignore").read_text().split())
    assert {".env", ".git", ".venv", "data", "test-results"} <= left_out


# --- exit codes ---


WORKER_WITHOUT_ROOM = """
import errno, sys
from runner.pipeline import worker
from store.event_log.journal import Claim
from store.paths import default_paths

def no_room(*_):
    raise OSError(errno.ENOSPC, "No space left on device")

run, owner, fence, attempt = sys.argv[1:]
sys.exit(worker.execute_claimed_run(Claim(run, owner, int(fence), int(attempt)), default_paths(), no_room))
"""


def _when_training(store: Store, do: Callable[[str], None]) -> threading.Thread:
    def training() -> list[str]:
        return [run.id for run in queries.all_runs(store) if run.stage == "fine-tune"]

    def wait() -> None:
        until(training)
        do(training()[0])

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize(("how", "code"), [
    ("fails", 1), ("interrupted", 130), pytest.param("cancelled", 3, marks=pytest.mark.slow),
    pytest.param("paused", 3, marks=pytest.mark.slow)])
def test_the_exit_code_says_how_a_run_ended(store: Store, paths: Paths, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str], how: str, code: int) -> None:
    assert re.search(rf"\b{code}\b", COMMANDS_README.partition("Exit codes:")[2][:300])
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)
    worker = (sys.executable, "-c", WORKER_WITHOUT_ROOM) if how == "fails" else WORKER
    monkeypatch.setattr(foreground, "Supervisor", partial(Supervisor, worker=worker))
    acts: dict[str, Callable[[str], None]] = {
        "cancelled": lambda run: commands.change_run_state(store, "cancel", run),
        "paused": lambda run: commands.change_run_state(store, "pause", run),
        "interrupted": lambda run: os.kill(os.getpid(), signal.SIGTERM)}
    asked = ["--topics", "pods,services,jobs", "--questions", "6", "--held-out", "6", "--steps", "10000"]
    watching = _when_training(store, acts[how]) if how in acts else None
    assert main(["run", *asked]) == code
    if watching:
        watching.join(LIMIT_SECONDS)
    (run,) = queries.all_runs(store)
    assert run.work == {"fails": "failed", "interrupted": "queued"}.get(how, how)
    if how == "fails":
        assert run.error_kind == "disk full"
    if how == "interrupted":  # and says how to go on
        assert f"resume {run.id}" in capsys.readouterr().out


# --- another data folder ---


@pytest.mark.usefixtures("signals_as_before")
def test_a_runner_with_another_data_folder_says_that_it_does_finished_stages_again(
        store: Store, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    run = launch(store, steps=10_000)
    first = Supervisor(store, paths, worker=WORKER)
    tick_until(first, lambda: run_of(store, run).stage == "fine-tune")
    first.close()
    again = Supervisor(store, paths, worker=SLEEPER)
    tick_until(again, lambda: again.child)
    again.close()
    assert not [item for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]  # the same folder
    elsewhere = Paths(tmp_path / "elsewhere", paths.store_url)
    monkeypatch.setattr(runner_log.logger, "propagate", True)
    second = Supervisor(store, elsewhere, worker=SLEEPER)
    tick_until(second, lambda: second.child)
    second.close()
    (told,) = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert told.kind == "checkpoints elsewhere" and "do again" in told.action
    for folder in (paths.run(run), elsewhere.run(run)):
        assert str(folder) in told.message
    assert "checkpoints are not in this data folder" in caplog.text
    monkeypatch.setenv("DATA_DIR", str(elsewhere.data))  # and the same to whoever goes on by hand
    monkeypatch.setenv("STORE_URL", elsewhere.store_url)
    worker = (sys.executable, "-c", WORKER_WITHOUT_ROOM)
    monkeypatch.setattr(foreground, "Supervisor", partial(Supervisor, worker=worker))
    assert main(["resume", run]) == 1
    assert told.message in capsys.readouterr().out
