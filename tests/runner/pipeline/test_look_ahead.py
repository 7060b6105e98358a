"""Calls that a later stage of the teacher needs are made while the student computes, and change nothing else."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.pipeline import executor
from runner.pipeline.look_ahead import stage_to_ask_ahead
from runner.pipeline.pipeline import StageRun, steps
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from store import commands
from store.control_arms import TEACHER
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, StopRequested, read_events
from store.events import StageFinished
from store.paths import Paths
from store.run_config import RunConfig
from tests.chaos.ray_outcome import fake_models
from tests.plain_runs import plain_run
from tests.runner.fake_openai import FakeOpenAI, answer
from tests.runner.same_run import executed_alone, launch, outcome
from tests.runner.watching import run_of, until

CONFIG = plain_run(teacher="gpt-4o-mini", cycles=2, arms=(TEACHER,))
WAIT_SECONDS = 60
Wait = Callable[[Journal], None]


def asked_during(stage: str, cycle: int, config: RunConfig = CONFIG, finished: frozenset[Any] = frozenset(),
                 missing: str = "") -> str | None:
    """The stage that is asked ahead where all earlier ones have ended but `missing`."""
    table = list(steps(config))
    at = next(index for index, one in enumerate(table) if (one.row.stage, one.cycle) == (stage, cycle))
    there = {(one.row.stage, one.cycle) for one in table[:at] if one.row.stage != missing}
    found: StageRun | None = stage_to_ask_ahead(table[at], table[at + 1:], there, finished, config)
    return found and found.row.stage


@pytest.mark.parametrize(("stage", "cycle", "ahead"), [
    ("held-out-baseline", 0, "teacher-answers"), ("baseline", 1, "references"), ("baseline", 2, "references"),
    ("questions", 2, None), ("fine-tune", 1, None), ("tuned", 1, None)])
def test_a_stage_is_asked_ahead_beside_the_student_in_its_own_cycle(stage: str, cycle: int, ahead: str | None) -> None:
    assert asked_during(stage, cycle) == ahead


def test_a_stage_that_has_ended_or_lacks_an_input_is_not_asked_ahead() -> None:
    assert asked_during("baseline", 1, finished=frozenset({("references", 1)})) is None
    assert asked_during("baseline", 1, missing="questions") is None
    assert asked_during("held-out-baseline", 0, dataclasses.replace(CONFIG, arms=())) is None


class WaitingStudent(fakes.FakeStudent):
    """Answers training questions only when something has happened meanwhile."""

    def __init__(self, wait: Callable[[], None]) -> None:
        super().__init__()
        self._wait = wait

    def answer(self, questions: Any, *others: Any) -> Any:
        if others[-1] is None and {question.tier for question in questions} == {"practice"}:
            self._wait()
        yield from super().answer(questions, *others)


def models(wait: Wait, config: RunConfig, run: str, store: Store, paths: Paths, journal: Journal) -> RunResources:
    return dataclasses.replace(fake_models(config, run, store, paths, journal),
                               open_student=lambda rung: WaitingStudent(partial(wait, journal)))


def settings(fake: FakeOpenAI) -> dict[str, Any]:
    return {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, "cycles": 1}


def asked(fake: FakeOpenAI) -> Counter[str]:
    return Counter(json.dumps(body["messages"], sort_keys=True) for body in fake.requests)


@pytest.fixture
def written_alone(tmp_path: Path, fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[Any, str], Any, Any]:
    """Outcome, order of finished stages and calls of a run that asks nothing ahead."""
    with monkeypatch.context() as patched:
        patched.setattr(executor, "can_ask_ahead", lambda *_: False)
        with executed_alone(tmp_path / "alone", 1, partial(models, lambda _: None), **settings(fake)) as (store, run):
            found = outcome(store, run), finished(store, run), asked(fake)
    fake.requests.clear()
    return found


def finished(store: Store, run: str) -> list[tuple[int | None, str | None]]:
    return [(item.cycle, item.stage) for item in read_events(store, run) if isinstance(item.event, StageFinished)]


def test_references_are_asked_for_while_the_student_answers(tmp_path: Path, fake: FakeOpenAI,
                                                            written_alone: Any) -> None:
    whole, had = sum(written_alone[2].values()), threading.Event()

    def answer_last(_: Journal) -> None:
        """The student goes on when the teacher has been asked everything: it never is, where nothing is asked ahead."""
        assert had.wait(WAIT_SECONDS)

    def counting(handler: Any, body: dict[str, Any]) -> None:
        answer(handler, body)
        if len(fake.requests) == whole:
            had.set()
    fake.script.extend([counting] * whole)
    with executed_alone(tmp_path / "ahead", 1, partial(models, answer_last), **settings(fake)) as (store, run):
        assert (outcome(store, run), finished(store, run), asked(fake)) == written_alone


def test_what_fails_ahead_is_met_again_at_its_turn(tmp_path: Path, fake: FakeOpenAI, store: Store,
                                                   written_alone: Any) -> None:
    refused = threading.Event()

    def refuse(handler: Any, body: dict[str, Any]) -> None:
        if run_of(store, run).stage == "baseline" and not refused.is_set():
            refused.set()
            handler.refuse(400, "not now")
        else:
            answer(handler, body)

    def answer_later(_: Journal) -> None:
        assert refused.wait(WAIT_SECONDS)
    fake.script.extend([refuse] * 200)
    run = launch(store, 1, **settings(fake))
    assert execute_next(store, tmp_path, answer_later) == "finished"
    assert (outcome(store, run), finished(store, run)) == written_alone[:2]


def test_a_pause_waits_for_the_calls_that_are_being_made(tmp_path: Path, fake: FakeOpenAI, store: Store,
                                                         written_alone: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(handler: Any, body: dict[str, Any]) -> None:
        if run_of(store, run).stage == "baseline":
            begun.set()
            assert go_on.wait(WAIT_SECONDS)
        answer(handler, body)

    def pause(journal: Journal) -> None:
        """While references are asked for; the calls are answered when the run has begun to stop."""
        assert begun.wait(WAIT_SECONDS)
        commands.change_run_state(store, "pause", run)
        try:
            until(lambda: journal.check_stop())
        except StopRequested:
            threading.Timer(0.3, go_on.set).start()
            raise
    fake.script.extend([hold] * 200)
    run = launch(store, 1, **settings(fake))
    assert execute_next(store, tmp_path, pause) == "paused"
    commands.change_run_state(store, "resume", run)
    assert execute_next(store, tmp_path, lambda _: None) == "finished"
    assert (outcome(store, run), asked(fake)) == (written_alone[0], written_alone[2])


def execute_next(store: Store, folder: Path, wait: Wait) -> str:
    """What has become of the next run that waits."""
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), partial(models, wait)) == 0
    return run_of(store, claim.run).work
