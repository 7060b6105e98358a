"""A run goes on at another host, in another data folder, from what the artifact store has: to the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import fakes
import pytest
from sqlalchemy import func, select, update

from runner.artifact_store import open_artifact_store
from runner.artifact_store.errors import ArtifactStoreError
from runner.export import backup_archive
from runner.export.errors import CannotExport
from runner.export.student_export import tuned_cycle
from runner.pipeline import shared_files
from runner.pipeline.run_files import RunFiles, files_to_store, read_list
from runner.pipeline.shared_files import SharedFiles, latest_stored
from runner.pipeline.worker import execute_claimed_run
from runner.service import housekeeping
from runner.service.housekeeping import prune_artifacts
from runner.service.supervisor import Supervisor
from store import commands, schema
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import Claim, Journal, LeaseLost, read_events
from store.events import (
    AdapterTrained, FilesStored, MetricLogged, RecoveryTaken, RunFailed, RunStarted, StageFinished,
    StageProgressed,
)
from store.paths import Paths
from tests.addresses import address_in
from tests.plain_runs import plain_run
from tests.runner import same_run
from tests.runner.artifact_store.fake_s3 import CREDENTIALS, fake_s3
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import tiny_resources
from tests.runner.watching import run_of, tick_until

WORKER = (sys.executable, str(Path(__file__).parents[1] / "worker_on_demand.py"))
RUN = "20261130-000000-00000001"


@pytest.fixture
def hosts(tmp_path: Path, store: Store) -> tuple[Paths, Paths]:
    """Two data folders, one event store, one artifact store."""
    return two_hosts(tmp_path, store, (tmp_path / "shared").as_uri())


def two_hosts(tmp_path: Path, store: Store, shared: str) -> tuple[Paths, Paths]:
    return Paths(tmp_path / "a", store.url, shared), Paths(tmp_path / "b", store.url, shared)


def work(store: Store, paths: Paths, fail: Callable[[Journal], None] = lambda _: None) -> list[Any]:
    """Execute the next run with fakes; `fail` is called with the journal before each of their items."""
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, lambda *given: fakes.fake_resources(
        *given, fail=lambda _where: fail(given[-1]))) == 0
    return [item.event for item in read_events(store, RUN)]


def until_stage(store: Store, stage: str, cycle: int, calls: int) -> Callable[[Journal], None]:
    """Pause the run at a later item of a stage of a cycle; it learns of that at once."""
    seen: list[str] = []

    def fail(journal: Journal) -> None:
        run = run_of(store, RUN)
        seen.append(f"{run.stage} {run.cycle}")
        if seen.count(f"{stage} {cycle}") == calls:
            commands.change_run_state(store, "pause", RUN)
            journal.flush()

    return fail


@pytest.mark.parametrize(("stage", "cycle", "calls"), [
    ("tuned", 1, 2), pytest.param("fine-tune", 2, 2, marks=pytest.mark.slow)])
def test_a_run_goes_on_at_another_host_to_the_bytes_of_one_host(
        store: Store, hosts: tuple[Paths, Paths], tmp_path: Path, stage: str,
        cycle: int, calls: int) -> None:
    alone = same_run.undisturbed(tmp_path / "alone", cycles=2, adapter="continue")
    same_run.launch(store, cycles=2, adapter="continue")
    first, second = hosts
    work(store, first, until_stage(store, stage, cycle, calls))
    assert run_of(store, RUN).work == "paused" and run_of(store, RUN).stage == stage
    finished_before = len(same_run.outcome(store, RUN))
    shutil.rmtree(first.data)  # the host is gone
    commands.change_run_state(store, "resume", RUN)
    events = work(store, second)
    assert run_of(store, RUN).work == "finished" and same_run.outcome(store, RUN) == alone
    stages = [event for event in events if isinstance(event, StageFinished)]
    assert len({key for key in alone if key != "verdict" and key[0] != "changes"}) == len(stages) > finished_before > 5
    assert not [event for event in events if isinstance(event, RecoveryTaken)]
    restored = [event.before for event in events if isinstance(event, StageProgressed) and event.unit == "answers"]
    assert any(restored) == (stage == "tuned")  # answers of the other host were not asked again


@pytest.mark.slow
def test_a_run_goes_on_at_another_host_by_a_bucket(store: Store, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    alone = same_run.undisturbed(tmp_path / "alone")
    same_run.launch(store)
    with fake_s3("made-for-runs") as endpoint:
        address = f"s3://made-for-runs/a/prefix?endpoint_override={endpoint}"
        first, second = two_hosts(tmp_path, store, address)
        work(store, first, until_stage(store, "tuned", 1, 2))
        shutil.rmtree(first.data)
        commands.change_run_state(store, "resume", RUN)
        events = work(store, second)
    assert same_run.outcome(store, RUN) == alone and not [event for event in events if isinstance(event, RecoveryTaken)]
    assert any(event.before for event in events if isinstance(event, StageProgressed) and event.unit == "answers")


@pytest.mark.slow
def test_a_real_training_goes_on_at_another_host_from_its_checkpoint(
        store: Store, tmp_path: Path, hosts: tuple[Paths, Paths], monkeypatch: pytest.MonkeyPatch) -> None:
    """A real tiny student: weights, optimizer and random state travel, and the adapter is the same bit by bit."""
    small = {"student": str(llama_folder(tmp_path / "tiny")), "precision": "fp32", "steps": 18, "max_new_tokens": 4,
             "batch_size": 2}
    same_run.launch(store, **small)
    alone = Paths(tmp_path / "alone", address_in(tmp_path / "alone"))
    calm = open_store(alone.store_url)
    same_run.launch(calm, **small)
    expected = adapter_of(tiny_work(calm, alone))
    first, second = hosts
    monkeypatch.setattr(shared_files, "STORE_SECONDS", 0.1)
    steps: list[int] = []

    def pause(*_: Any) -> None:
        steps.append(1)
        if len(steps) == 10:  # after the third checkpoint of six
            commands.change_run_state(store, "pause", RUN)
            time.sleep(2)

    with monkeypatch.context() as watched:
        watched.setattr("runner.student.trainer._save_snapshot", pause)
        tiny_work(store, first)
    assert run_of(store, RUN).work == "paused" and run_of(store, RUN).stage == "fine-tune"
    shutil.rmtree(first.data)
    commands.change_run_state(store, "resume", RUN)
    events = tiny_work(store, second)
    losses = [event.step for event in events if isinstance(event, MetricLogged) and event.key == "loss"]
    assert len(losses) < 18 + 10, "the training began anew"
    assert adapter_of(events) == expected
    calm.close()


def tiny_work(store: Store, paths: Paths) -> list[Any]:
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, tiny_resources) == 0
    return [item.event for item in read_events(store, RUN)]


def adapter_of(events: list[Any]) -> str:
    (trained,) = [event for event in events if isinstance(event, AdapterTrained)]
    return str(trained.sha256)


def test_a_shared_test_set_comes_from_the_host_that_wrote_it(store: Store, hosts: tuple[Paths, Paths]) -> None:
    same_run.launch(store, held_out_set="team")
    first, second = hosts
    work(store, first)
    commands.launch_run(store, plain_run(topics=("pods", "services", "jobs"), questions=6, held_out=6, steps=4,
                                         held_out_set="team", seed=7), "test")  # which would draw another test
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, second, fakes.fake_resources) == 0
    sets = [(paths.data / "held-out-sets" / "team.json").read_bytes() for paths in hosts]
    assert sets[0] == sets[1]


def test_the_artifact_store_forgets_what_was_replaced_more_than_a_week_ago(
        store: Store, hosts: tuple[Paths, Paths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "STORE_SECONDS", 0.02)
    same_run.launch(store)
    work(store, hosts[0], lambda _: time.sleep(0.05))
    blobs = tmp_path / "shared" / "blobs"
    before = {path.name for path in blobs.iterdir()}
    prune_artifacts(store, hosts[0])
    assert {path.name for path in blobs.iterdir()} == before  # all of it is of this week
    with store.write() as connection:
        connection.execute(update(schema.events).values(at="2020-01-01T00:00:00.000000Z"))
    for path in blobs.iterdir():
        os.utime(path, (0, 0))
    monkeypatch.setattr(housekeeping, "ARTIFACTS_FORGOTTEN", timedelta(days=50_000))
    stored = latest_stored(read_events(store, RUN))
    artifacts = open_artifact_store(hosts[0].artifacts)
    assert stored and artifacts
    with store.write() as connection:  # the latest list is a year old too, and in use
        newest = connection.execute(select(func.max(schema.events.c.seq)).where(
            schema.events.c.kind == "FilesStored")).scalar_one()
        connection.execute(update(schema.events).where(schema.events.c.seq == newest)
                           .values(at="2020-03-01T00:00:00.000000Z"))
    prune_artifacts(store, hosts[0])
    left = {path.name for path in blobs.iterdir()}
    assert left == read_list(artifacts, stored.sha256).hashes < before


@pytest.mark.slow
def test_a_killed_worker_of_a_lost_host_loses_what_was_not_stored_yet_and_no_more(
        store: Store, hosts: tuple[Paths, Paths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process and a real SIGKILL within a stage; the other host has a data folder of its own."""
    alone = same_run.undisturbed(tmp_path / "alone")
    same_run.launch(store)
    first, second = hosts
    monkeypatch.setenv("KILL_AT", "tuned:inside")
    killed = Supervisor(store, first, worker=WORKER)
    tick_until(killed, lambda: killed.child)
    assert killed.child
    killed.child.worker.process.wait()
    leases.release(store, killed.child.claim, requeue_reason="the host is gone")
    killed.children.clear()
    shutil.rmtree(first.data / "runs")
    monkeypatch.delenv("KILL_AT")
    other = Supervisor(store, second, worker=WORKER)
    tick_until(other, lambda: run_of(store, RUN).work == "finished" and other.child is None)
    other.close()
    assert same_run.outcome(store, RUN) == alone
    assert not [item for item in read_events(store, RUN) if isinstance(item.event, RecoveryTaken)]


def test_a_damaged_object_is_refused_and_only_its_stage_runs_again(
        store: Store, hosts: tuple[Paths, Paths], tmp_path: Path) -> None:
    alone = same_run.undisturbed(tmp_path / "alone")
    same_run.launch(store)
    first, second = hosts
    work(store, first, until_stage(store, "fine-tune", 1, 2))
    judged = next(item.event for item in read_events(store, RUN)
                  if isinstance(item.event, StageFinished) and item.stage == "baseline-evaluation")
    (tmp_path / "shared" / "blobs" / judged.sha256).write_bytes(b"torn")
    commands.change_run_state(store, "resume", RUN)
    events = work(store, second)
    (told,) = [event for event in events if isinstance(event, RecoveryTaken)]
    assert told.kind == "checkpoints elsewhere" and "incomplete or foreign" in told.message
    assert "1 of" in told.message and same_run.outcome(store, RUN) == alone
    assert open_artifact_store(second.artifacts).read_bytes(judged.sha256)  # type: ignore[union-attr]  # repaired


def test_files_of_a_worker_that_lost_its_claim_do_not_count(
        store: Store, hosts: tuple[Paths, Paths]) -> None:
    same_run.launch(store)
    first, second = hosts
    work(store, first, until_stage(store, "fine-tune", 1, 2))
    commands.change_run_state(store, "resume", RUN)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    before = latest_stored(read_events(store, RUN))
    zombie = Journal(store, Claim(RUN, "gone:1:1", claim.fence - 1, claim.attempt - 1))
    (first.run(RUN) / "cycle-01" / "tuned.json").write_text('{"header": "foreign"}')
    artifacts = open_artifact_store(first.artifacts)
    assert artifacts
    late = SharedFiles(artifacts, first.run(RUN), zombie)
    with pytest.raises(LeaseLost):
        late.store_progress()
    assert latest_stored(read_events(store, RUN)) == before
    leases.release(store, claim)
    work(store, second)
    assert run_of(store, RUN).work == "finished"


def test_progress_is_stored_while_a_stage_goes_on(store: Store, hosts: tuple[Paths, Paths],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "STORE_SECONDS", 0.05)
    same_run.launch(store)

    def slow(_: Journal) -> None:
        if run_of(store, RUN).stage == "held-out-baseline":
            time.sleep(0.3)

    work(store, hosts[0], slow)
    history = read_events(store, RUN)
    lists = [item.event for item in history if isinstance(item.event, FilesStored) and item.stage is None]
    artifacts = open_artifact_store(hosts[0].artifacts)
    assert artifacts
    stored = {file.path for one in lists for file in read_list(artifacts, one.sha256).files}
    assert "cycle-00/held-out-baseline.parts.jsonl" in stored
    last = latest_stored(history)
    assert last and not any("parts" in file.path for file in read_list(artifacts, last.sha256).files)


def test_a_newer_state_of_this_host_is_not_replaced_by_an_older_one(store: Store, hosts: tuple[Paths, Paths]) -> None:
    same_run.launch(store)
    first, second = hosts
    work(store, first, until_stage(store, "tuned", 1, 2))
    parts = first.run(RUN) / "cycle-01" / "tuned.parts.jsonl"
    stored = parts.read_text()
    history = read_events(store, RUN)
    started = next(item for item in history if isinstance(item.event, RunStarted))
    for here, kept in ((first, True), (second, False)):
        path = here.run(RUN) / "cycle-01" / "tuned.parts.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stored + "newer")
        artifacts = open_artifact_store(here.artifacts)
        assert artifacts
        files = SharedFiles(artifacts, here.run(RUN), Journal(store, Claim(RUN, "x:1:1", 1, 2)))
        assert files.get([*history, started]) == []  # the attempt that begins now
        assert (path.read_text() == stored + "newer") == kept


def test_an_artifact_store_that_fails_is_waited_for_and_then_fails_the_run_with_advice(
        store: Store, hosts: tuple[Paths, Paths], monkeypatch: pytest.MonkeyPatch) -> None:
    same_run.launch(store)
    calls: list[int] = []

    def failing(self: RunFiles) -> Any:
        calls.append(1)
        raise ArtifactStoreError("s3://bucket: slow down")

    monkeypatch.setattr("runner.pipeline.executor.PipelineExecutor._wait", lambda self, seconds: None)
    with monkeypatch.context() as broken:
        broken.setattr(RunFiles, "store", failing)
        events = work(store, hosts[0])
    failed = next(event for event in events if isinstance(event, RunFailed))
    assert failed.kind == "artifact store" and "slow down" in failed.message and "doctor" in failed.advice
    assert len([event for event in events if isinstance(event, RecoveryTaken)]) == 5 and len(calls) >= 6
    commands.change_run_state(store, "retry", RUN)
    work(store, hosts[0])
    assert run_of(store, RUN).work == "finished"


def test_an_address_without_credentials_fails_the_run_and_names_what_is_missing(
        store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    same_run.launch(store)
    (failed,) = [event for event in work(store, Paths(tmp_path / "a", store.url, "s3://bucket/x"))
                 if isinstance(event, RunFailed)]
    assert failed.kind == "artifact store" and "no credentials" in failed.message


def test_an_export_and_a_backup_get_what_only_the_artifact_store_has(
        store: Store, hosts: tuple[Paths, Paths], tmp_path: Path) -> None:
    same_run.launch(store)
    first, second = hosts
    work(store, first)
    _, _, adapter = tuned_cycle(store, second, RUN, None)
    assert (adapter / "adapter_config.json").read_bytes() == \
        (first.run(RUN) / adapter.relative_to(second.run(RUN)) / "adapter_config.json").read_bytes()
    if store.is_sqlite:
        shutil.rmtree(second.data)
        content = backup_archive.write_archive(store, second, tmp_path / "all.tar")
        there = Paths(tmp_path / "there", f"sqlite:///{tmp_path / 'there' / 'events.db'}",
                      (tmp_path / "another").as_uri())
        assert backup_archive.restore_archive(tmp_path / "all.tar", there, force=False) == content
        stored = latest_stored(read_events(store, RUN))
        again = open_artifact_store(there.artifacts)
        assert stored and again
        for file in read_list(again, stored.sha256).files:  # everything that the event names is in the other one
            assert len(again.read_bytes(file.sha256)) == file.size_bytes
            assert (there.run(RUN) / file.path).stat().st_size == file.size_bytes
    shutil.rmtree(second.data, ignore_errors=True)
    shutil.rmtree(tmp_path / "shared")
    with pytest.raises(CannotExport, match="does not exist: is its disk mounted"):
        tuned_cycle(store, second, RUN, None)


def test_only_the_newest_complete_training_checkpoint_is_stored_and_no_log(tmp_path: Path) -> None:
    for name in ("worker.log", "passages.json", "cycle-01/a.json", "cycle-01/a.parts.jsonl", "cycle-01/b.parts.jsonl",
                 "cycle-01/a.json.set-aside", "cycle-01/.a.json.1.tmp", "cycle-01/speed-probe/x.bin",
                 "cycle-01/adapter/checkpoints/checkpoint-9/seal.json",
                 "cycle-01/adapter/checkpoints/checkpoint-10/seal.json",
                 "cycle-01/adapter/checkpoints/checkpoint-10/optimizer.pt",
                 "cycle-01/adapter/checkpoints/checkpoint-11/optimizer.pt", "cycle-01/adapter/step-00002/w.bin",
                 "cycle-02/adapter/training.json", "cycle-02/adapter/checkpoints/checkpoint-3/seal.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    stored = [str(path.relative_to(tmp_path)) for path in files_to_store(tmp_path)]
    assert stored == [
        "cycle-01/a.json", "cycle-01/adapter/checkpoints/checkpoint-10/seal.json", "cycle-01/b.parts.jsonl",
        "cycle-02/adapter/training.json", "passages.json",
        "cycle-01/adapter/checkpoints/checkpoint-10/optimizer.pt", "cycle-01/adapter/step-00002/w.bin"]


def test_commands_refuse_an_artifact_store_that_cannot_be_used(tmp_path: Path) -> None:
    environment = os.environ | {"DATA_DIR": str(tmp_path / "data"), "ARTIFACTS": "ftp://host/x", "STORE_URL": ""}
    done = subprocess.run([sys.executable, "-m", "runner", "serve"], cwd=Path(__file__).resolve().parents[3],
                          env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "error: ARTIFACTS=ftp://host/x" in done.stderr
    assert not (tmp_path / "data").exists()
