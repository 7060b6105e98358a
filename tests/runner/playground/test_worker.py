"""Playground questions answered by the real `serve` with a real tiny student, with real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.export.served_models import ServedModel, announced
from runner.playground.worker import serve_questions
from runner.service.supervisor import Supervisor
from runner.student.errors import OutOfMemory
from store import commands, queries
from store.commands import playground
from store.database import Store
from store.paths import Paths
from store.run_config import RunConfig
from tests.plain_runs import plain_run
from tests.runner.answer_on_demand import Parrot
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched
from tests.runner.watching import LIMIT_SECONDS, until

ROOT = Path(__file__).resolve().parents[3]
QUESTION = "What does a Service do for a Pod?"
TAKES_A_QUESTION_AND_SLEEPS = """
import os, sys, time
from runner.service.parent_death import die_with_parent
from store.commands import playground
from store.database import open_store
die_with_parent(sys.argv[1])
store = open_store(os.environ["STORE_URL"])
claimed = playground.claim_next(store, sys.argv[1])
playground.write(store, claimed, [playground.ArmAnswer("baseline", "half an")])
time.sleep(600)
"""
SLEEPER = ("import sys, time; from runner.service.parent_death import die_with_parent; "
           "die_with_parent(sys.argv[2]); time.sleep(600)")


@pytest.fixture
def supervisor(store: Store, paths: Paths) -> Iterator[Supervisor]:
    made = Supervisor(store, paths, worker=(sys.executable, "-c", SLEEPER),
                      answers=(sys.executable, "-c", TAKES_A_QUESTION_AND_SLEEPS))
    yield made
    made.close()


def put(store: Store, run: str, cycle: int = 0, **more: Any) -> int:
    return playground.ask(store, run, cycle, QUESTION, "ann", commands.new_token(), **more)


def asked(store: Store, number: int) -> queries.PlaygroundQuestion:
    found = queries.playground_question(store, number)
    assert found
    return found


def test_a_serving_runner_answers_word_by_word_and_ends_at_once_when_told(store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    commands.change_run_state(store, "pause", run)
    may_end = paths.data / "may-end"
    environment = os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": paths.store_url,
                                "LAST_WORD_AFTER": str(may_end)}
    with subprocess.Popen([sys.executable, str(Path(__file__).parents[1] / "serve_on_demand.py")],
                          env=environment) as runner:
        number = put(store, run)
        until(lambda: asked(store, number).said)
        assert "You asked: ".startswith(asked(store, number).said[0].text or "nothing")  # before the answer is whole
        may_end.touch()
        until(lambda: not asked(store, number).active)
        assert asked(store, number).said[0].text == f"You asked: {QUESTION}"
        runner.send_signal(signal.SIGINT)  # while the process that answers waits for another question
        assert runner.wait(timeout=LIMIT_SECONDS) == 0


@pytest.mark.slow
def test_a_serving_runner_answers_with_both_real_students(tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, llama_folder(tmp_path / "tiny", context=512), learning_rate=2e-2)
    carried_out(store, run, paths)
    environment = os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": paths.store_url}
    with subprocess.Popen([sys.executable, "-m", "runner", "serve"], cwd=ROOT, env=environment) as runner:
        number = put(store, run, 1)
        until(lambda: not asked(store, number).active, seconds=250)
        found = asked(store, number)
        assert (found.state, found.error) == ("done", None)
        baseline, tuned, teacher = found.said
        assert baseline.text and tuned.text and baseline.text != tuned.text and baseline.finished and tuned.finished
        assert "offline teacher" in teacher.silent and not teacher.text
        before = queries.last_event_id(store, run)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(timeout=LIMIT_SECONDS) == 0
    assert queries.last_event_id(store, run) == before and not queries.runs_at_work(store)
    store.close()


def test_one_loaded_student_answers_several_questions_and_goes_when_none_come(store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    numbers, opened = [put(store, run), put(store, run)], []

    def open_student(config: RunConfig, models: Path) -> Any:
        opened.append(config)
        return Parrot()

    assert serve_questions(store, paths, "host:1:1", idle_seconds=0.3, open_student=open_student) == 2
    assert len(opened) == 1
    for number in numbers:
        baseline, tuned, _ = asked(store, number).said
        assert (baseline.text, tuned.text) == (f"You asked: {QUESTION}", "")
        assert "not fine-tuned" in tuned.silent


def test_a_served_student_answers_beside_the_others_and_one_that_is_gone_costs_them_nothing(
        store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    with FakeOpenAI(words=lambda body: "Served: " + body["messages"][-1]["content"], key="its-key",
                    models=(f"{run}-cycle-0",)) as fake:
        fake.listed = [{"id": f"{run}-cycle-0"}]
        with announced(paths, ServedModel(fake.url, f"{run}-cycle-0", "its-key")):
            assert (paths.data / "served" / f"{run}-cycle-0.json").stat().st_mode & 0o077 == 0
            first = put(store, run)
            serve_questions(store, paths, "host:1:1", idle_seconds=0.2, open_student=lambda *_: Parrot())
    baseline, _, served, teacher = asked(store, first).said
    assert (baseline.arm, served.arm, teacher.arm) == ("baseline", "served", "teacher")
    assert (served.text, served.silent, served.finished) == (f"Served: {QUESTION}", "", True)
    assert fake.requests[0]["temperature"] == 0
    with announced(paths, ServedModel("http://127.0.0.1:9/v1", f"{run}-cycle-0", "")):
        second = put(store, run)
        serve_questions(store, paths, "host:1:1", idle_seconds=0.2, open_student=lambda *_: Parrot())
    baseline, _, served, _ = asked(store, second).said
    assert baseline.text and not served.text and "does not answer: start the server" in served.silent
    third = put(store, run)
    serve_questions(store, paths, "host:1:1", idle_seconds=0.2, open_student=lambda *_: Parrot())
    assert [answer.arm for answer in asked(store, third).said] == ["baseline", "tuned", "teacher"]


def test_the_teacher_is_asked_only_where_somebody_wanted_it(store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, plain_run(teacher="gpt-4o-mini"), "test")

    def no_teacher(*_: Any) -> Any:
        raise AssertionError("a call that nobody wanted")

    number = put(store, run)
    serve_questions(store, paths, "host:1:1", 0.1, lambda *_: Parrot(),
                    no_teacher)  # type: ignore[arg-type,return-value]
    assert [said.silent for said in asked(store, number).said][2] == "not asked"
    wanted = put(store, run, with_teacher=True)
    with pytest.raises(AssertionError, match="nobody wanted"):
        serve_questions(store, paths, "host:1:1", 0.1, lambda *_: Parrot(),
                        no_teacher)  # type: ignore[arg-type,return-value]
    assert asked(store, wanted).state == "answering"


def test_what_cannot_be_had_fails_the_question_in_words(store: Store, paths: Paths) -> None:
    number = put(store, commands.launch_run(store, plain_run(), "test"))

    def too_large(config: RunConfig, models: Path) -> Any:
        raise OutOfMemory("the student needs 9 GB, there are 2: close programs")

    serve_questions(store, paths, "host:1:1", 0.1, too_large)
    assert (asked(store, number).state, asked(store, number).error) == (
        "failed", "the student needs 9 GB, there are 2: close programs")


def test_a_killed_answer_is_tried_once_more_and_then_failed(store: Store, supervisor: Supervisor) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    commands.change_run_state(store, "pause", run)
    number = put(store, run)
    for attempt in (1, 2):
        until(lambda attempt=attempt: asked(store, number).attempts == attempt and asked(store, number).said,
              supervisor.tick)
        assert supervisor._playground.process
        supervisor._playground.process.kill()
    until(lambda: asked(store, number).state == "failed", supervisor.tick)
    error = str(asked(store, number).error)
    assert "exited with signal SIGKILL" in error and "2 times" in error


def test_a_run_goes_first_and_the_question_waits_for_it(store: Store, supervisor: Supervisor) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    commands.change_run_state(store, "pause", run)
    number = put(store, run)
    until(lambda: asked(store, number).state == "answering", supervisor.tick)
    process = supervisor._playground.process
    commands.change_run_state(store, "resume", run)
    until(lambda: supervisor.child is not None, supervisor.tick)
    assert process and process.poll() is not None
    for _ in range(5):
        supervisor.tick()
    assert (asked(store, number).state, asked(store, number).attempts) == ("waiting", 0)
    assert queries.runs_at_work(store) == [run] and supervisor._playground.process is None


def test_a_runner_that_stops_ends_the_answer_and_leaves_the_question(store: Store, supervisor: Supervisor) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    commands.change_run_state(store, "pause", run)
    number = put(store, run)
    until(lambda: asked(store, number).state == "answering", supervisor.tick)
    process = supervisor._playground.process
    supervisor.close()
    assert process and process.poll() is not None and asked(store, number).state == "waiting"
