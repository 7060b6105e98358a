"""Exports that people named on a page are verified by the process that answers questions, with real kills."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import fakes
import pytest

from runner.export.student_export import export
from runner.playground.worker import serve_questions
from runner.service.supervisor import Supervisor
from store import queries
from store.commands import playground, verifications
from store.commands.verifications import Artefact
from store.database import Store
from store.paths import Paths
from store.queries.verifications import VerificationRequest, verification_requests, verified_exports
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched
from tests.runner.watching import until

TAKES_A_VERIFICATION_AND_SLEEPS = """
import os, sys, time
from runner.service.parent_death import die_with_parent
from store.commands import verifications
from store.database import open_store
die_with_parent(sys.argv[1])
store = open_store(os.environ["STORE_URL"])
claimed = verifications.claim_next(store, sys.argv[1])
verifications.QUEUE.change(store, claimed.id, claimed.attempt, progress="half of it")
time.sleep(600)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str, Paths, Path]]:
    """A finished run of a real tiny student, and its honest export."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), repetition_penalty=1.0)
    carried_out(store, run, paths)
    yield store, run, paths, export(store, paths, run, 1, folder / "exported", "merged").folder
    store.close()


def newest(store: Store, run: str) -> VerificationRequest:
    return verification_requests(store, run)[0]


def test_an_export_is_verified_and_what_was_found_is_an_event_of_the_run(
        made: tuple[Store, str, Paths, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    store, run, paths, folder = made
    monkeypatch.setattr("runner.judge.open_judge", fakes.FakeJudge)
    verifications.request(store, run, 1, Artefact(str(folder)), "ann", "good")
    assert serve_questions(store, paths, "host:1:1", idle_seconds=0.1) == 1
    (found,) = verified_exports(store, run)
    assert (found.cycle, found.found.export, found.found.outcome) == (1, str(folder), "same as measured")
    assert (newest(store, run).state, newest(store, run).progress) == ("done", found.found.sentence)
    assert not queries.runs_at_work(store)


@pytest.mark.parametrize(("name", "says"), [
    ("/nowhere", "/nowhere is no model folder"), ("http://127.0.0.1:9/v1", "does not answer: start the server")])
def test_what_cannot_be_verified_fails_the_request_in_words(made: tuple[Store, str, Paths, Path], name: str,
                                                            says: str) -> None:
    store, run, paths, _ = made
    before = queries.last_event_id(store, run)
    verifications.request(store, run, 1, Artefact(name), "ann", name)
    serve_questions(store, paths, "host:1:1", idle_seconds=0.1)
    assert newest(store, run).state == "failed" and says in str(newest(store, run).error)
    assert queries.last_event_id(store, run) == before


def test_a_killed_verification_is_tried_once_more_and_no_question_is_charged_for_it(
        made: tuple[Store, str, Paths, Path]) -> None:
    store, run, paths, folder = made
    supervisor = Supervisor(store, paths, answers=(sys.executable, "-c", TAKES_A_VERIFICATION_AND_SLEEPS))
    verifications.request(store, run, 1, Artefact(str(folder)), "ann", "killed")
    number = playground.ask(store, run, 0, "Why?", "ann", "question")
    for attempt in (1, 2):
        until(lambda attempt=attempt: newest(store, run).attempts == attempt and newest(store, run).progress,
              supervisor.tick)
        assert supervisor._playground.process
        supervisor._playground.process.kill()
    until(lambda: newest(store, run).state == "failed", supervisor.tick)
    assert "exited with signal SIGKILL" in str(newest(store, run).error)
    question = queries.playground_question(store, number)
    assert question and (question.state, question.attempts) == ("waiting", 0)
    supervisor.close()


def test_a_runner_that_ends_leaves_its_verification_queued(made: tuple[Store, str, Paths, Path]) -> None:
    store, run, paths, folder = made
    verifications.request(store, run, 1, Artefact(str(folder)), "ann", "stopped")
    supervisor = Supervisor(store, paths, answers=(sys.executable, "-c", TAKES_A_VERIFICATION_AND_SLEEPS))
    until(lambda: newest(store, run).progress, supervisor.tick)
    supervisor.close()
    assert (newest(store, run).state, newest(store, run).attempts) == ("waiting", 0)
