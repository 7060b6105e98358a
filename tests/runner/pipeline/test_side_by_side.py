"""Runs whose stages run at the same time end as those whose stages follow each other, whatever happens meanwhile."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.judge.protocols import JudgedAnswer, Score
from runner.llm.errors import RateLimited
from runner.pipeline.resources import RunResources
from runner.pipeline.schedule import VARIABLE
from runner.pipeline.worker import execute_claimed_run
from runner.protocols import Usage
from store import commands
from store.database import Store, integrity_faults
from store.event_log import leases
from store.event_log.journal import Journal, StopRequested, read_events
from store.events import Event, RecoveryTaken, StageFailed, StageFinished, StageStarted
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from tests.chaos.outcome import read_models
from tests.chaos.ray_outcome import facts, fake_models
from tests.runner.fake_openai import FakeOpenAI, answer
from tests.runner.same_run import executed_alone, launch, outcome
from tests.runner.watching import run_of, until

WAIT_SECONDS = 60
Hook = Callable[[Journal], None]


def nothing(_: Journal) -> None:
    """What happens at a place of a run where nothing is to happen."""


class OneAtATime(fakes.FakeStudent):
    """A student that fails when two stages use it at the same time."""

    def __init__(self, answering: Callable[[], None], training: Callable[[], None]) -> None:
        super().__init__()
        self._answering, self._training, self._in_use = answering, training, threading.Lock()

    def answer(self, questions: Any, *others: Any) -> Any:
        with self._alone():
            if others[-1] is None and {question.tier for question in questions} == {"practice"}:
                self._answering()
            yield from super().answer(questions, *others)

    def likelihoods(self, *given: Any) -> Any:
        with self._alone():
            return super().likelihoods(*given)

    def fine_tune(self, *given: Any, **more: Any) -> Any:
        with self._alone():
            self._training()
            return super().fine_tune(*given, **more)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        assert self._in_use.acquire(blocking=False), "two stages use the student at the same time"
        try:
            yield
        finally:
            self._in_use.release()


class Judge:
    """A judge model that does something before each set of scores."""

    name, metrics = "a judge model", ("faithfulness",)

    def __init__(self, judging: Callable[[], None]) -> None:
        self._judging = judging

    def scores(self, metric: str, items: Sequence[JudgedAnswer], on_done: Callable[[int], None],
               again: str = "") -> list[Score]:
        self._judging()
        return [Score(fakes.digest(item.question, item.answer)) for item in items]

    def usage(self) -> Usage:
        return Usage(0, 0, 0, 0, None)


def models(answering: Hook, training: Hook, judging: Hook, config: RunConfig, run: str, store: Store, paths: Paths,
           journal: Journal) -> RunResources:
    return dataclasses.replace(
        fake_models(config, run, store, paths, journal),
        open_student=lambda rung: OneAtATime(partial(answering, journal), partial(training, journal)),
        open_llm_judge=lambda: Judge(partial(judging, journal)))


def doing(answering: Hook = nothing, training: Hook = nothing, judging: Hook = nothing) -> Callable[..., RunResources]:
    return partial(models, answering, training, judging)


def settings(fake: FakeOpenAI) -> dict[str, Any]:
    return {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, "cycles": 2, "judge": "gpt-4o-mini",
            "judge_metrics": ("faithfulness",)}


def asked(fake: FakeOpenAI) -> Counter[str]:
    return Counter(json.dumps(body["messages"], sort_keys=True) for body in fake.requests)


def told(store: Store, run: str) -> list[Any]:
    """What occurs once in a run, in the order within each stage."""
    return list(facts(store, run, by_stage=True)["history"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory: pytest.TempPathFactory, endpoint: FakeOpenAI) -> Any:
    """Outcome, events and calls of a run whose stages follow each other."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, "0")
        with executed_alone(tmp_path_factory.mktemp("alone"), 1, doing(), **settings(endpoint)) as (store, run):
            return outcome(store, run), told(store, run), asked(endpoint)


@pytest.fixture
def fake(endpoint: FakeOpenAI, in_turn: Any, monkeypatch: pytest.MonkeyPatch) -> FakeOpenAI:
    """The endpoint of the next run, whose stages run at the same time."""
    endpoint.requests.clear()
    endpoint.script.clear()
    monkeypatch.setenv(VARIABLE, "1")
    return endpoint


def test_the_teacher_is_asked_while_the_student_answers_and_answers_are_judged_while_it_trains(
        tmp_path: Path, fake: FakeOpenAI, store: Store, in_turn: Any) -> None:
    def answer_last(_: Journal) -> None:
        """The untrained student answers a cycle's questions when their references have been written."""
        until(lambda: (run_of(store, run).cycle, "references") in places(store, run, StageFinished))

    def judge_last(_: Journal) -> None:
        """Its answers are judged when it is being trained, and those after the training when the next cycle begins."""
        begun = places(store, run, StageStarted)
        for cycle in (1, 2):
            if (cycle, "baseline-evaluation") in begun and (cycle, "tuned-evaluation") not in begun:
                until(lambda: (cycle, "fine-tune") in places(store, run, StageStarted))  # noqa: B023
        if (1, "tuned-evaluation") in begun and (1, "tuned-evaluation") not in places(store, run, StageFinished):
            until(lambda: (2, "baseline") in places(store, run, StageStarted))
    run = launch(store, 1, **settings(fake))
    assert execute_next(store, tmp_path, doing(answer_last, judging=judge_last)) == "finished"
    assert (outcome(store, run), told(store, run), asked(fake)) == in_turn
    before = read_models(store)
    with store.write() as connection:
        rebuild(connection)
    assert read_models(store) == before and not integrity_faults(store)


def places(store: Store, run: str, kind: type[Event]) -> list[tuple[int | None, str | None]]:
    """Cycle and stage of each event of a kind."""
    return [(item.cycle, item.stage) for item in read_events(store, run) if isinstance(item.event, kind)]


def test_a_stage_that_fails_ends_what_runs_beside_it_and_the_run_goes_on_from_there(
        tmp_path: Path, fake: FakeOpenAI, store: Store, in_turn: Any) -> None:
    refused = threading.Event()

    def refuse(handler: Any, body: dict[str, Any]) -> None:
        if (1, "references") in places(store, run, StageStarted) and not refused.is_set():
            refused.set()
            handler.refuse(401, "not you")
        else:
            answer(handler, body)

    def answer_for_ever(journal: Journal) -> None:
        """Until the run is over, which only the stage beside it can tell."""
        assert refused.wait(WAIT_SECONDS)
        until(lambda: journal.check_stop())
    fake.script.extend([refuse] * 500)
    run = launch(store, 1, **settings(fake))
    assert execute_next(store, tmp_path, doing(answer_for_ever)) == "failed"
    [failed] = [item for item in read_events(store, run) if isinstance(item.event, StageFailed)]
    assert failed.stage == "references" and "not you" in failed.event.message  # type: ignore[attr-defined]
    commands.change_run_state(store, "retry", run)
    assert execute_next(store, tmp_path, doing()) == "finished"
    assert (outcome(store, run), told(store, run)) == in_turn[:2]


def test_a_pause_reaches_every_stage_and_the_run_goes_on(tmp_path: Path, fake: FakeOpenAI, store: Store,
                                                         in_turn: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(handler: Any, body: dict[str, Any]) -> None:
        if (1, "references") in places(store, run, StageStarted):
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
    fake.script.extend([hold] * 500)
    run = launch(store, 1, **settings(fake))
    assert execute_next(store, tmp_path, doing(pause)) == "paused"
    commands.change_run_state(store, "resume", run)
    assert execute_next(store, tmp_path, doing()) == "finished"
    assert (outcome(store, run), told(store, run), asked(fake)) == in_turn


def test_a_stage_of_the_judge_that_begins_again_waits_for_the_student(tmp_path: Path, fake: FakeOpenAI, store: Store,
                                                                      in_turn: Any) -> None:
    """The judge's model is not there at first while the student trains: the stage computes likelihoods once more."""
    failed = threading.Event()

    def judge(_: Journal) -> None:
        if (1, "baseline-evaluation") in places(store, run, StageStarted) and not failed.is_set():
            until(lambda: (1, "fine-tune") in places(store, run, StageStarted))
            failed.set()
            raise RateLimited("not now", 0.01)

    def train(_: Journal) -> None:
        """Goes on when the other stage has failed, and tries again."""
        assert failed.wait(WAIT_SECONDS)
        until(lambda: (1, "baseline-evaluation") in places(store, run, RecoveryTaken))
        time.sleep(0.3)
    run = launch(store, 1, **settings(fake))
    assert execute_next(store, tmp_path, doing(training=train, judging=judge)) == "finished"
    assert (outcome(store, run), told(store, run), asked(fake)) == in_turn


def execute_next(store: Store, folder: Path, resources: Callable[..., RunResources]) -> str:
    """What has become of the next run that waits."""
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), resources) == 0
    return run_of(store, claim.run).work
