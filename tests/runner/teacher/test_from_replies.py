"""A run is repeated from its teacher's stored replies when the teacher is gone: same questions, no call."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.cli.main import main, parser
from runner.cli.run import config_of
from runner.pipeline.preflight import preflight_errors
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.run_config import RunConfig, to_json
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.fake_teachers import IMPATIENT
from tests.plain_runs import plain_run


def bench(config: RunConfig, run: str, store: Store, *others: object) -> RunResources:
    """The real chat teacher, and fakes for the models."""
    return dataclasses.replace(fakes.fake_resources(config, run, store, *others),  # type: ignore[arg-type]
                               open_teacher=lambda: open_llm_teacher(config, run, store, None, IMPATIENT))


def finished(store: Store, data: Path, config: RunConfig) -> queries.Run:
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), bench) == 0
    found = queries.find_run(store, run)
    assert found
    return found


@pytest.fixture
def first(fake: FakeOpenAI, store: Store, tmp_path: Path) -> queries.Run:
    settings: dict[str, Any] = {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, "questions": 4, "held_out": 6,
                                "topics": ("pods", "services"), "steps": 2, "arms": ("teacher",), "name": "first"}
    return finished(store, tmp_path, plain_run(**settings))


def test_it_has_the_same_questions_and_references_without_a_call(first: queries.Run, fake: FakeOpenAI, store: Store,
                                                                 tmp_path: Path) -> None:
    calls = len(fake.requests)
    again = finished(store, tmp_path, dataclasses.replace(first.config, from_replies=first.id, steps=3))
    assert again.work == "finished", again.trace
    assert len(fake.requests) == calls and again.held_out_hash == first.held_out_hash
    for cycle in (0, 1):
        ours, theirs = (queries.answers_of(store, run.id, cycle) for run in (again, first))
        assert [(one.question, one.reference) for one in ours] == [(one.question, one.reference) for one in theirs]


def test_a_reply_that_is_not_stored_is_refused_by_name(first: queries.Run, fake: FakeOpenAI, store: Store,
                                                       tmp_path: Path) -> None:
    calls = len(fake.requests)
    other = finished(store, tmp_path, dataclasses.replace(first.config, from_replies=first.id, seed=7))
    assert other.work == "failed" and other.error_kind == "reply not stored" and len(fake.requests) == calls
    assert other.error and f"run {first.id} has no stored reply to 'questions" in other.error
    assert "--from-replies" in (other.advice or "")


def test_the_command_line_takes_the_settings_of_that_run(first: queries.Run, store: Store, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    config = config_of(parser(["run"]).parse_args(["run", "--from-replies", first.id, "--steps", "5"]))
    assert config == dataclasses.replace(first.config, from_replies=first.id, steps=5, name="")
    assert preflight_errors(dataclasses.replace(config, teacher_base_url=None), Paths(tmp_path, store.url)) == []
    assert main(["run", "--from-replies", "nothing"]) == 2
    assert "--from-replies 'nothing': no such run" in capsys.readouterr().err
    offline = commands.launch_run(store, plain_run(), "test")
    assert main(["run", "--from-replies", offline]) == 2
    assert "makes no calls" in capsys.readouterr().err


def test_runs_before_this_setting_keep_their_configurations_text() -> None:
    assert "from_replies" not in to_json(RunConfig())
