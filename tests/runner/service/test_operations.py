"""Operating the runner: draining, takeover by a standby, backup and restore, schedules, log."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fakes
import pytest
from sqlalchemy import select, update

from runner.cli.main import main
from runner.errors import UserError
from runner.export import backup_archive
from runner.pipeline.worker import execute_claimed_run
from runner.service import serve
from runner.service.housekeeping import MaintenanceTask, back_up, copies, prune
from runner.service.supervisor import Supervisor
from store import commands, queries, schema
from store.commands import schedules
from store.commands.recurrence import Recurrence
from store.database import Store, integrity_faults, open_store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import RecoveryTaken, RunRequeued, RunStarted
from store.paths import Paths
from tests.addresses import address_in
from tests.runner.watching import LIMIT_SECONDS, run_of, until
from tests.plain_runs import plain_run

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "data", address_in(tmp_path / "data"))


def launch(store: Store, **more: object) -> str:
    small = {"topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6, "steps": 4}
    return commands.launch_run(store, plain_run(**small | more), "test")  # type: ignore[arg-type]


@contextlib.contextmanager
def serving(paths: Paths, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": paths.store_url}
    process = subprocess.Popen([sys.executable, str(HERE / "serve_on_demand.py"), *arguments], env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def runner(*arguments: str, paths: Paths) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": paths.store_url}
    return subprocess.run([sys.executable, "-m", "runner", *arguments], cwd=ROOT, env=environment, capture_output=True,
                          text=True, timeout=LIMIT_SECONDS)


def owner_of(store: Store, run: str) -> str | None:
    with store.read() as connection:
        return connection.execute(select(schema.claims.c.owner).where(schema.claims.c.run == run)).scalar()


def test_sigterm_lets_the_item_at_work_finish_and_hands_the_run_back(store: Store, paths: Paths) -> None:
    run = launch(store, steps=10_000)
    with serving(paths) as process:
        until(lambda: run_of(store, run).stage == "fine-tune")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0 and "runner stopped" in said, said
    assert run_of(store, run).work == "queued" and queries.runners(store) == []
    requeued = [item.event for item in read_events(store, run) if isinstance(item.event, RunRequeued)]
    assert [event.reason for event in requeued] == ["the runner was stopped"]
    assert "exit_code=0" in said  # the worker stopped by itself; nobody had to kill it


def test_a_killed_runner_is_replaced_by_one_that_stands_by_before_its_lease_is_over(store: Store, paths: Paths) -> None:
    run = launch(store, steps=10_000)
    with serving(paths) as first:
        until(lambda: run_of(store, run).stage == "fine-tune")
        before = owner_of(store, run)
        with serving(paths, "--stand-by") as second:
            assert second.stdout and "standing by" in second.stdout.readline()
            first.kill()
            with store.write() as connection:  # longer than this test waits
                connection.execute(update(schema.claims).where(schema.claims.c.owner == before)
                                   .values(expires_at=time.time() + 250))
            until(lambda: owner_of(store, run) not in (before, None))
            until(lambda: run_of(store, run).attempts == 2)
    assert any(isinstance(item.event, RecoveryTaken) and item.event.kind == "interrupted"
               for item in read_events(store, run))


@pytest.mark.slow
def test_a_schedule_fires_in_a_serving_runner_and_the_log_tells_it(store: Store, paths: Paths,
                                                                   monkeypatch: pytest.MonkeyPatch,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    with serving(paths) as process:
        until(lambda: queries.runners(store))
        config = plain_run(topics=("pods", "jobs"), questions=3, held_out=3, steps=2)
        schedules.add(store, "often", Recurrence(every_seconds=60), config, "test")
        soon = f"{queries.schedules(store)[0].added_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        with store.write() as connection:  # the first time is now, not in a minute
            connection.execute(update(schema.schedules).values(next_due_at=soon))
        until(lambda: [run.work for run in queries.all_runs(store)] == ["finished"])
        until(lambda: "worker ended" in (paths.data / "logs" / "runner.jsonl").read_text())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT_SECONDS)
    lines = [json.loads(line) for line in (paths.data / "logs" / "runner.jsonl").read_text().splitlines()]
    told = [line["what"] for line in lines]
    assert {"runner started", "ScheduleFired", "run started", "worker ended", "store backed up",
            "runner stopped"} <= set(told)
    assert all(line["at"].endswith("+00:00") and line["level"] for line in lines)
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    assert main(["logs"]) == 0 and "ScheduleFired" in capsys.readouterr().out
    assert main(["logs", queries.all_runs(store)[0].id, "--json"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert json.loads(shown[0])["what"] == "RunRequested" and "RunFinished" in [json.loads(x)["what"] for x in shown]


def test_a_backup_is_restored_elsewhere_and_its_unfinished_run_goes_on_to_the_same_end(
        store: Store, paths: Paths, tmp_path: Path) -> None:
    run = launch(store, cycles=2)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim

    def stop_in_the_second_cycle(where: str) -> None:
        if where == "fine_tune" and any(cycle.cycle == 2 for cycle in queries.cycles_of(store, run)):
            commands.change_run_state(store, "pause", run)

    execute_claimed_run(claim, paths, lambda *a: fakes.fake_resources(*a, fail=stop_in_the_second_cycle))
    assert run_of(store, run).work == "paused"
    made = runner("backup", "--to", str(tmp_path / "all.tar"), paths=paths)
    assert made.returncode == 0, made.stderr
    (paths.data / "runs").rename(tmp_path / "lost")  # the machine is gone
    there = Paths(tmp_path / "there", f"sqlite:///{tmp_path / 'there' / 'events.db'}")
    assert runner("restore", str(tmp_path / "all.tar"), paths=there).returncode == 0
    with pytest.raises(UserError, match="--force"):
        backup_archive.restore_archive(tmp_path / "all.tar", there, force=False)
    again = open_store(there.store_url)
    assert integrity_faults(again) == [] and run_of(again, run).work == "paused"
    commands.change_run_state(again, "resume", run)
    claim = leases.claim_next(again, leases.owner_name())
    assert claim and execute_claimed_run(claim, there, fakes.fake_resources) == 0
    finished = [item for item in read_events(again, run) if item.kind == "StageFinished"]
    assert run_of(again, run).work == "finished" and len({(i.stage, i.cycle) for i in finished}) == len(finished)
    assert all((there.run(run) / cycle.adapter / "adapter_config.json").exists()
               for cycle in queries.cycles_of(again, run) if cycle.adapter)
    again.close()
    backup_archive.restore_archive(tmp_path / "all.tar", there, force=True)
    (aside,) = there.data.glob("before-restore-*")
    assert (aside / "events.db").exists() and (aside / "runs" / run).exists()


def test_a_damaged_archive_restores_nothing(store: Store, paths: Paths, tmp_path: Path) -> None:
    run = launch(store)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, fakes.fake_resources) == 0
    backup_archive.write_archive(store, paths, tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        member = tar.getmember(f"runs/{run}/cycle-01/comparison.json")
    whole = bytearray((tmp_path / "all.tar").read_bytes())
    whole[member.offset_data + 20] ^= 1
    (tmp_path / "all.tar").write_bytes(whole)
    there = Paths(tmp_path / "there", f"sqlite:///{tmp_path / 'there' / 'events.db'}")
    with tarfile.open(tmp_path / "foreign.tar", "w") as tar:
        outside = tarfile.TarInfo("../outside")
        tar.addfile(outside)
    for damaged, said in (("all.tar", "hash of .*comparison.json differs"), ("none.tar", "does not exist"),
                          ("data/events.db", "not a complete backup"), ("foreign.tar", "not a regular file inside it")):
        with pytest.raises(UserError, match=said):
            backup_archive.restore_archive(tmp_path / damaged, there, force=False)
    assert list(there.data.iterdir()) == [] and not (tmp_path / "outside").exists()


def test_the_store_is_copied_once_a_day_and_a_week_of_copies_is_kept(store: Store, paths: Paths) -> None:
    launch(store)
    for day in range(9):
        back_up(store, paths)
        back_up(store, paths)  # the same day: nothing to do
        (newest,) = copies(paths)[-1:]
        newest = newest.rename(newest.with_name(f"events-2020010{day}-000000.db"))
        os.utime(newest, (0, 0))
    assert len(copies(paths)) == 7
    copy = open_store(f"sqlite:///{copies(paths)[-1]}")
    assert queries.count_of_runs(copy) == 1 and integrity_faults(copy) == []
    copy.close()


def test_pruning_spares_what_a_run_might_still_need(store: Store, paths: Paths) -> None:
    done, failed = launch(store), launch(store)
    for run, end in ((done, "finished"), (failed, "failed")):
        with store.write() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(work=end))
        (paths.run(run) / "cycle-01" / "adapter" / "checkpoints" / "checkpoint-4").mkdir(parents=True)
        (paths.run(run) / "cycle-01" / "adapter" / "adapter_config.json").write_text("{}")
        (paths.run(run) / "cycle-01" / ".baseline.json.77.tmp").write_text("half")
    broken_off = paths.uploads / "documents" / ".upload-x"
    broken_off.mkdir(parents=True)
    (broken_off / "a.md").write_text("half of the documents")
    prune(store, paths)
    assert not broken_off.exists()
    left = {run: sorted(path.name for path in (paths.run(run) / "cycle-01" / "adapter").iterdir())
            for run in (done, failed)}
    assert left == {done: ["adapter_config.json"], failed: ["adapter_config.json", "checkpoints"]}
    assert [run for run in (done, failed) if list(paths.run(run).rglob(".*.tmp"))] == [failed]


def test_nothing_slow_keeps_the_runner_from_its_heartbeat_or_its_queue(paths: Paths,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    beats, looks, stop = [], [], threading.Event()
    endless = MaintenanceTask("endless", 1.0, lambda *_: stop.wait(LIMIT_SECONDS) and None)
    monkeypatch.setattr(serve, "MAINTENANCE_TASKS", (endless,))
    monkeypatch.setattr(serve, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(Supervisor, "send_heartbeat", lambda _self: beats.append(1))
    monkeypatch.setattr(Supervisor, "tick", lambda self: looks.append(1) or self.stopped.set())
    store = open_store(paths.store_url)
    supervisor = serve._local_supervisor(store, paths, None)
    serving = threading.Thread(target=serve._serve, args=(store, paths, stop, supervisor))
    serving.start()
    until(lambda: len(beats) > 5 and len(looks) > 2)
    stop.set()
    serving.join(LIMIT_SECONDS)
    assert not serving.is_alive()
    store.close()


def test_a_schedule_is_agreed_on_and_changed_on_the_command_line(paths: Paths, monkeypatch: pytest.MonkeyPatch,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    assert main(["schedule", "add", "nightly", "--cron", "0 0 30 2 *", "--zone", "Mars", "--questions", "1001"]) == 2
    said = capsys.readouterr().err
    assert "never due" in said and "Mars" in said and "questions 1001" in said and not paths.data.exists()
    assert main(["schedule", "pause", "nightly"]) == 2 and "no store yet" in capsys.readouterr().err
    assert main(["schedule", "add", "nightly", "--every", "1x"]) == 2
    assert main(["schedule", "add", "nightly", "--cron", "0 2 * * 1", "--zone", "Europe/Berlin", "--cycles", "3"]) == 0
    assert main(["schedule", "pause", "nightly"]) == 0
    capsys.readouterr()
    assert main(["schedule", "list"]) == 0 and "Europe/Berlin)  paused" in capsys.readouterr().out
    assert main(["schedule", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["config"]["cycles"], listed["next_due_at"]) == (3, None)
    assert main(["schedule", "remove", "nightly"]) == 0


def test_the_queue_is_shown_in_order_and_can_be_changed(store: Store, paths: Paths,
                                                        monkeypatch: pytest.MonkeyPatch,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)
    first, second, third = (launch(store) for _ in range(3))
    assert [run.id for run in queries.queue(store)] == [first, second, third]
    assert main(["queue", "--move", third, "--to-front", "--json"]) == 0
    assert [item["run"] for item in json.loads(capsys.readouterr().out)] == [third, first, second]
    commands.prioritise(store, first, -5)
    assert [run.id for run in queries.queue(store)] == [third, second, first]
    claim = leases.claim_next(store, "host:1:1")
    assert claim and claim.run == third
    Journal(store, claim).append(RunStarted("host:1:1", 1, {}, ()))
    assert main(["queue", "--move", third, "--to-front"]) == 2
    assert "running: only a run that waits" in capsys.readouterr().err
    assert leases.claim_next(store, "host:2:1", one_a_device=True) is None  # that device is busy
    other = leases.claim_next(store, "host/gpu 1:2:1", one_a_device=True)
    assert other and other.run == second


def test_rebuild_makes_the_read_models_anew(store: Store, paths: Paths) -> None:
    run = launch(store)
    with store.write() as connection:
        connection.execute(update(schema.runs).values(name="spoiled", work="failed"))
    done = runner("rebuild", paths=paths)
    assert done.returncode == 0 and "from 1 events" in done.stdout
    assert (run_of(store, run).name, run_of(store, run).work) == ("", "queued")
