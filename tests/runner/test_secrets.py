"""A planted key is found nowhere: not in the store, a log, an artifact, an error's text, a backup, nor on a screen."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner import archive, logbook
from runner.command_line import main
from runner.supervisor import Supervisor
from runner.worker import real_workbench, work
from runner.workbench import Workbench
from store import commands, leases, queries
from store.config import InvalidConfig, preset
from store.database import Store, open_store
from store.locations import Locations
from tests.runner import fakes
from tests.runner.fake_openai import FakeOpenAI, refuse

KEY = "planted-KEY-9f8e7d6c5b4a"  # not of the usual form, so that no pattern hides it by luck


def real_teacher(*given: Any) -> Workbench:
    """The real teacher as a worker opens it, and fakes for the models."""
    return dataclasses.replace(fakes.fake_bench(*given), open_teacher=real_workbench(*given).open_teacher)


def carried_out(store: Store, places: Locations, fake: FakeOpenAI, seed: int = 1) -> queries.Run:
    run = commands.launch(store, preset("embedded", teacher="gpt-4o-mini", teacher_base_url=fake.url, questions=3,
                                        held_out=3, topics=("pods", "services"), steps=2,
                                        seed=seed), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, places, real_teacher) == 0
    found = queries.run_named(store, run)
    assert found
    return found


def test_a_planted_key_is_nowhere(fake: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    places = Locations(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(places.store_url)
    monkeypatch.setattr(logbook.log, "handlers", [])
    logbook.keep(places)
    done = carried_out(store, places, fake)
    assert done.work == "finished"
    assert all(KEY in str(request["_headers"]) for request in fake.requests)  # it was really sent
    fake.script.append(refuse(401, f"Incorrect API key provided: {KEY}"))
    failed = carried_out(store, places, fake, seed=2)
    assert failed.error_kind == "authentication" and "[key]" in (failed.error or "")
    logbook.tell("something went wrong", error=f"the server said {KEY}")
    archive.write(store, places, tmp_path / "backups" / "all.tar")
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


def test_the_key_goes_to_the_processes_of_a_runner_by_their_environment_and_stands_in_no_command_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line is shown to everybody on a machine (`ps`), an environment to its user alone."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    places = Locations(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(places.store_url)
    supervisor = Supervisor(store, places)
    supervisor._answerer.process = supervisor._answerer._spawn()
    answers = psutil.Process(supervisor._answerer.process.pid)
    commands.launch(store, preset("embedded"), "test")
    seen = [(answers.cmdline(), answers.environ())]
    supervisor.tick()
    assert supervisor.child
    worker = psutil.Process(supervisor.child.process.pid)
    seen.append((worker.cmdline(), worker.environ()))
    supervisor.close()
    store.close()
    for command, environment in seen:
        assert len(command) > 3 and KEY not in " ".join(command) and environment["OPENAI_API_KEY"] == KEY


@pytest.mark.parametrize("address", ["https://me:hunter2@example.org/v1", "https://example.org/v1?api_key=hunter2"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        preset("embedded", teacher="x", teacher_base_url=address)
    assert "OPENAI_API_KEY" in str(refused.value) and "hunter2" not in str(refused.value)
