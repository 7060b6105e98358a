"""A planted key is found nowhere: not in the store, a log, an artifact, an error's text, a backup, nor on a screen."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.cli.main import main
from runner.export import backup_archive
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import build_resources, execute_claimed_run
from runner.service import runner_log
from runner.service.supervisor import Supervisor
from store import commands, queries
from store.database import Store, open_store
from store.event_log import leases
from store.paths import Paths
from store.run_config import InvalidConfig
from tests.runner import fakes
from tests.runner.fake_openai import FakeOpenAI, refuse
from tests.runner.watching import until
from tests.plain_runs import plain_run

KEY = "planted-KEY-9f8e7d6c5b4a"  # not of the usual form, so that no pattern hides it by luck


def real_teacher(*given: Any) -> RunResources:
    """The real teacher as a worker opens it, and fakes for the models."""
    return dataclasses.replace(fakes.fake_resources(*given), open_teacher=build_resources(*given).open_teacher)


def carried_out(store: Store, paths: Paths, fake: FakeOpenAI, seed: int = 1) -> queries.Run:
    run = commands.launch_run(store, plain_run(teacher="gpt-4o-mini", teacher_base_url=fake.url, questions=3,
                                            held_out=3, topics=("pods", "services"), steps=2,
                                            seed=seed), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, real_teacher) == 0
    found = queries.find_run(store, run)
    assert found
    return found


def test_a_planted_key_is_nowhere(fake: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    monkeypatch.setattr(runner_log.logger, "handlers", [])
    runner_log.configure(paths)
    done = carried_out(store, paths, fake)
    assert done.work == "finished"
    assert all(KEY in str(request["_headers"]) for request in fake.requests)  # it was really sent
    fake.script.append(refuse(401, f"Incorrect API key provided: {KEY}"))
    failed = carried_out(store, paths, fake, seed=2)
    assert failed.error_kind == "authentication" and "[key]" in (failed.error or "")
    runner_log.log_event("something went wrong", error=f"the server said {KEY}")
    backup_archive.write_archive(store, paths, tmp_path / "backups" / "all.tar")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    reports = [("report", failed.id, "--to", str(tmp_path / f"report{form}")) for form in (".html", ".json", ".csv")]
    for command in (("status",), ("logs",), ("logs", failed.id), ("logs", failed.id, "--json"), ("queue",),
                    ("schedule", "add", "nightly", "--every", "1d"),
                    ("export", done.id, "--form", "adapter", "--to", str(tmp_path / "taken")), *reports):
        assert main(command) == 0, command
    store.close()
    said = capsys.readouterr()
    assert "[key]" in said.out and KEY not in said.out + said.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 15 and [path for path in files if KEY.encode() in path.read_bytes()] == []


def shown_of(process: psutil.Process) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of a process just started: both are empty until its program is executed."""
    until(lambda: process.cmdline() and process.environ())
    return process.cmdline(), process.environ()


def test_the_key_goes_to_the_processes_of_a_runner_by_their_environment_and_stands_in_no_command_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line is shown to everybody on a machine (`ps`), an environment to its user alone."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    supervisor = Supervisor(store, paths)
    supervisor._playground.process = supervisor._playground._spawn()
    answers = psutil.Process(supervisor._playground.process.pid)
    commands.launch_run(store, plain_run(), "test")
    seen = [shown_of(answers)]
    supervisor.tick()
    assert supervisor.child
    seen.append(shown_of(psutil.Process(supervisor.child.worker.process.pid)))
    supervisor.close()
    store.close()
    for command, environment in seen:
        assert len(command) > 3 and KEY not in " ".join(command) and environment["OPENAI_API_KEY"] == KEY


@pytest.mark.parametrize("address", ["https://me:hunter2@example.org/v1", "https://example.org/v1?api_key=hunter2"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        plain_run(teacher="x", teacher_base_url=address)
    assert "OPENAI_API_KEY" in str(refused.value) and "hunter2" not in str(refused.value)
