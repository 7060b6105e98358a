"""The Python client against a real server: launch, wait, verdict, events; and what the interface refuses."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from distill import ApiError, Client
from distill import client as client_module
from runner.api.routes.events import KEEP_ALIVE_SECONDS
from store import commands, queries
from store.event_log.journal import append_without_claim
from store.events import RunFinished
from tests.plain_runs import plain_run
from tests.runner.watching import LIMIT_SECONDS

SETTINGS = {"questions": 5, "topics": ["pods"], "name": "by the client"}


@pytest.fixture
def client(address: str) -> Any:
    with Client(address) as opened:
        yield opened


def test_a_launch_is_repeated_by_its_key_and_waited_for(served: Any, client: Client) -> None:
    run = client.launch(SETTINGS, key="build-1")
    assert client.launch(SETTINGS, key="build-1").id == run.id and run.state == "queued"
    assert (run.settings["questions"], run.requested_at.tzinfo is not None) == (5, True)

    def finish() -> None:
        with served.store.write() as connection:
            append_without_claim(connection, run.id, RunFinished("improved", "By 0.2.", 1.0))

    with pytest.raises(TimeoutError, match="is still queued"):
        client.wait(run.id, timeout_seconds=0)
    threading.Timer(0.2, finish).start()
    ended = client.wait(run.id, timeout_seconds=LIMIT_SECONDS)
    assert (ended.state, ended.verdict, ended.ended) == ("finished", "improved", True)


def test_the_verdict_and_the_answers_are_those_of_the_store(served: Any, client: Client) -> None:
    verdict = client.verdict(served.finished)
    run = queries.find_run(served.store, served.finished)
    assert run and (verdict.verdict, verdict.sentence) == (run.verdict, run.sentence)
    assert verdict.change and verdict.change.low and verdict.change.low < (verdict.change.change or 0)
    assert client.verdict(served.queued).change is None
    assert len(list(client.answers(served.finished, 1))) == len(queries.answers_of(served.store, served.finished, 1))
    assert [run.id for run in client.runs(state="finished", words=served.finished)] == [served.finished]
    assert client.wait(served.finished).id == served.finished


def test_a_run_is_controlled(client: Client) -> None:
    run = client.launch(SETTINGS).id
    assert [client.pause(run).state, client.resume(run).state, client.cancel(run).state, client.retry(run).state] == [
        "paused", "queued", "cancelled", "queued"]


def test_what_the_interface_refuses_is_an_error_with_its_sentences(client: Client) -> None:
    with pytest.raises(ApiError, match="no setting 'questoins', did you mean questions") as refused:
        client.launch({"questoins": 1, "cycles": "x"})
    assert refused.value.status == 422 and len(refused.value.errors) == 2
    with pytest.raises(ApiError, match="no run 'none'") as refused:
        client.run("none")
    assert refused.value.status == 404


def test_events_are_followed_from_any_number_and_end_in_time(served: Any, client: Client) -> None:
    seen = []
    for event in client.events(kinds=("RunRequested",), run=served.finished):
        seen.append(event)
        break
    assert (seen[0].kind, seen[0].payload["config"]["preset"]) == ("RunRequested", "embedded")
    run = commands.launch_run(served.store, plain_run(), "test")
    for event in client.events(after=seen[0].id, run=run):
        assert event.run == run
        break


def test_following_ends_in_time_although_nothing_happens(served: Any, client: Client) -> None:
    after, start = served.get("/v1/events?limit=1")["newest"], time.monotonic()
    assert list(client.events(after=after, run="none", seconds=0.5)) == []
    assert time.monotonic() - start < KEEP_ALIVE_SECONDS


def test_a_request_is_repeated_while_the_store_is_busy_or_the_connection_breaks(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_WAIT_SECONDS", 0.0)
    answers: list[Any] = [httpx.ConnectError("refused"), 503, 429]
    keys = set()

    def answer(request: httpx.Request) -> httpx.Response:
        keys.add(request.headers["idempotency-key"])
        if answers:
            one = answers.pop(0)
            if isinstance(one, Exception):
                raise one
            return httpx.Response(one)
        return httpx.Response(409, json={"detail": "not possible", "errors": []})

    with Client("http://nowhere", transport=httpx.MockTransport(answer)) as client, \
            pytest.raises(ApiError, match="not possible"):
        client.pause("run")
    assert len(keys) == 1 and not answers


def test_the_client_imports_neither_the_program_nor_torch() -> None:
    heavy = ["store", "runner", "knowledge", "dashboard", "torch", "sqlalchemy", "pydantic", "pandas"]
    program = f"import sys, distill; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program],
                           cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
