"""What the README says of operating it, tried: the unit, the container, exit codes, the log, doctor, the folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from runner import doctor, foreground, hardware, logbook, serve
from runner.command_line import main, parser
from runner.commands import logs
from runner.supervisor import Supervisor
from store import commands, leases, queries
from store.config import preset
from store.database import Store, open_store
from store.events import RecoveryTaken, StageFinished, StageStarted
from store.journal import Journal, read_events
from store.locations import Locations
from store.migrations import CURRENT
from tests.addresses import address_in
from tests.another_user import as_nobody, open_to_all

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SLEEPER = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
WORKER = (sys.executable, str(Path(__file__).parent / "worker_on_demand.py"))
INSTALLED = "/opt/distillation"


@pytest.fixture
def places(tmp_path: Path) -> Locations:
    return Locations(tmp_path / "data", address_in(tmp_path / "data"))


@pytest.fixture
def store(places: Locations) -> Iterator[Store]:
    opened = open_store(places.store_url)
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
    return commands.launch(store, preset("embedded", **small | more), "test")


def run_of(store: Store, run: str) -> queries.Run:
    return queries.run_named(store, run) or pytest.fail(f"no run {run}")


def tick_until(supervisor: Supervisor, done: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "not within the time"
        supervisor.tick()
        time.sleep(0.05)


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
    assert command[:3] == [".venv/bin/python", "-m", "runner"] and parser().parse_args(command[3:]).carry_out
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
from runner import worker
from store.journal import Claim
from store.locations import locations

def no_room(*_):
    raise OSError(errno.ENOSPC, "No space left on device")

run, owner, fence, attempt = sys.argv[1:]
sys.exit(worker.work(Claim(run, owner, int(fence), int(attempt)), locations(), no_room))
"""


def _when_training(store: Store, do: Callable[[str], None]) -> threading.Thread:
    def wait() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for run in queries.all_runs(store):
                if run.stage == "fine-tune":
                    do(run.id)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize(("how", "code"), [
    ("fails", 1), ("interrupted", 130), pytest.param("cancelled", 3, marks=pytest.mark.slow),
    pytest.param("paused", 3, marks=pytest.mark.slow)])
def test_the_exit_code_says_how_a_run_ended(store: Store, places: Locations, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str], how: str, code: int) -> None:
    assert re.search(rf"\b{code}\b", README.partition("Exit codes:")[2][:300])
    monkeypatch.setenv("DATA_DIR", str(places.data))
    monkeypatch.setenv("STORE_URL", places.store_url)
    worker = (sys.executable, "-c", WORKER_WITHOUT_ROOM) if how == "fails" else WORKER
    monkeypatch.setattr(foreground, "Supervisor", partial(Supervisor, worker=worker))
    acts: dict[str, Callable[[str], None]] = {
        "cancelled": lambda run: commands.command(store, "cancel", run),
        "paused": lambda run: commands.command(store, "pause", run),
        "interrupted": lambda run: os.kill(os.getpid(), signal.SIGTERM)}
    asked = ["--topics", "pods,services,jobs", "--questions", "6", "--held-out", "6", "--steps", "10000"]
    watching = _when_training(store, acts[how]) if how in acts else None
    assert main(["run", *asked]) == code
    if watching:
        watching.join(10)
    (run,) = queries.all_runs(store)
    assert run.work == {"fails": "failed", "interrupted": "queued"}.get(how, how)
    if how == "interrupted":  # and says how to go on
        assert f"resume {run.id}" in capsys.readouterr().out


# --- the log ---

LOGGING = """
import sys, time
from pathlib import Path
from runner import lifeline, logbook
from store.locations import Locations

data, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
logbook.FILE_BYTES, logbook.FILES_KEPT = 4000, 200
lifeline.hold_as_only_runner(data, lambda seconds: time.sleep(0.01))
logbook.keep(Locations(data, ""), on_screen=False)
for number in range(count):
    logbook.tell("counted", by=who, number=number)
    print(number, flush=True)
    time.sleep(0.002)  # a quick machine would fill more files than are kept
"""


def test_two_processes_that_write_the_log_in_turn_lose_no_line_over_many_files(
        places: Locations, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def start(who: str, count: int) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", LOGGING, str(places.data), who, str(count)], cwd=ROOT,
                                stdout=subprocess.PIPE, text=True)

    first = start("first", 10**9)
    assert first.stdout and first.stdout.readline() == "0\n"
    second = start("second", 200)
    for _ in range(150):
        acknowledged = int(first.stdout.readline())
    time.sleep(0.5)  # the second one stands by meanwhile
    first.kill()
    acknowledged = max(acknowledged, *map(int, first.stdout.read().split()[:-1] or [0]))
    second.communicate(timeout=60)
    monkeypatch.setenv("DATA_DIR", str(places.data))
    monkeypatch.setattr(logbook, "FILES_KEPT", 200)
    assert main(["logs", "--json", "--lines", "100000"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counts = {name: [line["number"] for line in told if line.get("by") == name] for name in ("first", "second")}
    assert counts["first"] == list(range(len(counts["first"]))) and len(counts["first"]) > acknowledged
    assert counts["second"] == list(range(200))
    assert [line["by"] for line in told] == sorted(line["by"] for line in told)  # never both at once
    files = list((places.data / "logs").iterdir())
    assert len(files) > 5 and all(file.stat().st_size <= 4000 for file in files)


@pytest.mark.timeout(60)
def test_the_log_is_followed_over_rotations_and_past_a_torn_line(places: Locations,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(logbook, "FILE_BYTES", 2000)
    monkeypatch.setattr(logbook.log, "handlers", [])
    path = logbook.path_of(places)
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"at": "2026-01-01T00:00:00+00:00", "what": "torn off he\n')
    logbook.keep(places, on_screen=False)
    logbook.tell("counted", number=0, separator="\u2028")
    following = logs._of_runner(path, 2, follow=True)
    assert [next(following)["what"][-6:], next(following)["number"]] == ["off he", 0]
    for start in (1, 61):  # each time over more than one rotation
        for number in range(start, start + 40):
            logbook.tell("counted", number=number)
        assert [next(following)["number"] for _ in range(40)] == list(range(start, start + 40))
    assert len(list(path.parent.iterdir())) > 3
    for handler in logbook.log.handlers:
        handler.close()


# --- doctor ---


def _spoil(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    pages = len(whole) // 4096
    for page in range(2 * pages // 3, pages):
        whole[page * 4096:page * 4096 + 64] = bytes(range(64))
    path.write_bytes(whole)


def _newer(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with store.write() as connection:
        connection.execute(text(f"INSERT INTO schema_version VALUES ({CURRENT + 1}, 'later')"))
    store.close()


@pytest.mark.parametrize(("breaking", "says"), [
    (_spoil, "runner restore"), (_newer, "newer program"), (lambda path: path.write_text("no database " * 900),
                                                            "not a database"),
    (lambda path: path.write_bytes(b""), "")])
def test_doctor_names_what_is_wrong_with_a_data_folder(places: Locations, monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str], breaking: Any,
                                                       says: str) -> None:
    open_store(places.store_url).close()
    breaking(places.data / "events.db")
    before = (places.data / "events.db").read_bytes()
    monkeypatch.setenv("DATA_DIR", str(places.data))
    monkeypatch.setattr(hardware, "probe_precision", lambda: hardware.PrecisionProbe(1.0, 1.0, "fp32", "not measured"))
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert says in found["store"]["fault"] and code == (1 if says else 0)
    assert says or "no tables yet" in found["store"]["holds"]
    assert (places.data / "events.db").read_bytes() == before  # it looks, and changes nothing


def test_doctor_counts_what_is_there_and_misses_what_is_not(store: Store, places: Locations) -> None:
    run, file = launch(store), "cycle-01/tuned.json"
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    Journal(store, claim).append(StageStarted("student"), StageFinished(1.0, file, 2, "aa", "bb"), cycle=1,
                                 stage="tuned")
    (places.run(run) / file).parent.mkdir(parents=True)
    (places.run(run) / file).write_text("{}")
    found = doctor.store_findings(places)
    assert found["holds"].startswith("1 runs, 3 events") and found["checkpoints"] == "all are there"
    assert (found["runners"], found["fault"]) == ("none is connected", "")
    (places.run(run) / file).unlink()
    assert doctor.store_findings(places)["checkpoints"].startswith(f"1 are not in this data folder, of {run}")


def test_doctor_says_that_a_folder_cannot_be_written() -> None:
    with open_to_all() as folder:
        found = Locations(folder, f"sqlite:///{folder / 'events.db'}")
        assert as_nobody(lambda: doctor.is_writable(found)) == "False"
        folder.chmod(0o777)
        assert as_nobody(lambda: doctor.is_writable(found)) == "True"


def test_doctor_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Locations(Path("/nonexistent"), "postgresql+psycopg://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in json.dumps(doctor.store_findings(secret))


# --- another data folder ---


@pytest.mark.usefixtures("signals_as_before")
def test_a_runner_with_another_data_folder_says_that_it_does_finished_stages_again(
        store: Store, places: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    run = launch(store, steps=10_000)
    first = Supervisor(store, places, worker=WORKER)
    tick_until(first, lambda: run_of(store, run).stage == "fine-tune")
    first.close()
    again = Supervisor(store, places, worker=SLEEPER)
    tick_until(again, lambda: again.child)
    again.close()
    assert not [item for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]  # the same folder
    elsewhere = Locations(tmp_path / "elsewhere", places.store_url)
    monkeypatch.setattr(logbook.log, "propagate", True)
    second = Supervisor(store, elsewhere, worker=SLEEPER)
    tick_until(second, lambda: second.child)
    second.close()
    (told,) = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert told.kind == "checkpoints elsewhere" and "do again" in told.action
    for folder in (places.run(run), elsewhere.run(run)):
        assert str(folder) in told.message
    assert "checkpoints are not in this data folder" in caplog.text
    monkeypatch.setenv("DATA_DIR", str(elsewhere.data))  # and the same to whoever goes on by hand
    monkeypatch.setenv("STORE_URL", elsewhere.store_url)
    worker = (sys.executable, "-c", WORKER_WITHOUT_ROOM)
    monkeypatch.setattr(foreground, "Supervisor", partial(Supervisor, worker=worker))
    assert main(["resume", run]) == 1
    assert told.message in capsys.readouterr().out
