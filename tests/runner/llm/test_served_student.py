"""The embedded student as a real, stupid teacher and judge: `transformers serve`, a whole small run, a SIGKILL."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from runner.student.models.bundled import embedded_student_folder
from store import queries
from store.database import Store, StoreError, open_for_reading
from store.event_log.journal import read_events
from store.events import AnswersScored, JudgeAudited, QuestionsAsked, QuestionsRejected, ReferencesWritten
from store.paths import sqlite_url
from store.schema import teacher_calls
from tests.runner import tiny_models
from tests.runner.transformers_server import Served, served

ROOT = Path(__file__).resolve().parents[3]
LONGEST_SECONDS = 1500.0
"""A busy machine takes many times as long as an idle one."""
AT_ONCE = 4
"""Calls that may be under way when a run is killed."""
SMALL = ("--judge-metrics", "faithfulness", "--questions", "2", "--held-out", "2", "--taught-questions", "0", "--study",
         "off", "--passes", "4", "--headline-tier", "held-out", "--topics", "pods", "--max-new-tokens", "8",
         "--max-reply-tokens", "32", "--precision", "fp32")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * LONGEST_SECONDS)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded student, unpacked; its name states its size, so that it is asked in the simplest form."""
    return embedded_student_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(model, tmp_path_factory.mktemp("served")) as running:
        yield running


def command(data: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": str(data)}
    return subprocess.Popen([sys.executable, "-m", "runner", *arguments], cwd=ROOT, env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def said(process: subprocess.Popen[str]) -> str:
    """All that a command prints; it must succeed."""
    try:
        text, _ = process.communicate(timeout=LONGEST_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, text[-3000:]
    return text


def calls_of(data: Path) -> dict[str, tuple[str, str]]:
    """Key of each recorded call -> its purpose and reply."""
    try:
        store = open_for_reading(sqlite_url(data / "events.db"))
    except StoreError:
        return {}
    columns = (teacher_calls.c.key, teacher_calls.c.purpose, teacher_calls.c.response)
    with store.read() as connection:
        rows = connection.execute(select(*columns)).all()
    store.close()
    return {key: (purpose, response) for key, purpose, response in rows}


def kill_after_a_reference(process: subprocess.Popen[str], data: Path) -> dict[str, tuple[str, str]]:
    """SIGKILL a runner and its worker once a reference is recorded; what is recorded then."""
    while not any(purpose == "reference" for purpose, _ in calls_of(data).values()):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return calls_of(data)


def test_doctor_says_that_it_can_be_a_teacher_and_in_which_form(server: Served, model: Path, tmp_path: Path) -> None:
    page = said(command(tmp_path, "doctor", "--teacher", str(model), "--teacher-base-url", server.url))
    for text in ("answers a question", "answers from a passage", "asks about a passage    yes (form sentence)",
                 "accepted and ignored: replies are not JSON", "3 calls", "OK: this model can be asked as a teacher"):
        assert text in page, page


def test_a_whole_run_survives_a_kill_and_pays_no_recorded_call_twice(server: Served, model: Path,
                                                                     tmp_path: Path) -> None:
    student, data, before = tiny_models.llama_folder(tmp_path / "tiny", context=512), tmp_path / "data", \
        server.completions
    data.mkdir()
    killed = kill_after_a_reference(command(
        data, "run", "--teacher", str(model), "--teacher-base-url", server.url, "--judge", str(model),
        "--judge-base-url", server.url, "--student", str(student), *SMALL), data)
    store = open_for_reading(sqlite_url(data / "events.db"))
    (run,) = queries.all_runs(store)
    text = said(command(data, "resume", run.id))
    calls = calls_of(data)
    assert killed.items() <= calls.items()
    assert 0 <= server.completions - before - len(calls) <= AT_ONCE
    assert {purpose for purpose, _ in calls.values()} == {"questions", "reference", "judge faithfulness"}
    assert "finished" in text
    check_results(store, run.id)
    answered = said(command(data, "ask", run.id, "What is a Pod?"))  # both students and the teacher, streamed
    assert "transformers" not in answered and len(calls_of(data)) == len(calls) + 1
    store.close()


def check_results(store: Store, run: str) -> None:
    """Questions of both kinds with reasons for what was rejected, references, and a judge whose missing scores say why
    and that stopped asking."""
    found = queries.find_run(store, run)
    assert found and found.work == "finished"
    events = [item.event for item in read_events(store, run)]
    tiers = {question.tier for event in events if isinstance(event, QuestionsAsked) for question in event.questions}
    assert {"held-out", "practice"} <= tiers
    assert all(one.reason for event in events if isinstance(event, QuestionsRejected) for one in event.rejected)
    written = [one for event in events if isinstance(event, ReferencesWritten) for one in event.references]
    assert any(one.text for one in written) and all(one.text or one.missing for one in written)
    (audit,) = [event for event in events if isinstance(event, JudgeAudited) and event.metric == "faithfulness"]
    assert all((one.score is None) == bool(one.missing) for one in audit.probes)
    judged = [score for event in events if isinstance(event, AnswersScored) for score in event.scores
              if score.metric == "faithfulness"]
    assert judged and all((score.value is None) == bool(score.missing) for score in judged)
