"""Who may ask what: scopes of tokens, requests from this machine, foreign pages, the rate limit, and large bodies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from starlette.testclient import TestClient

from runner.cli.main import main
from store import queries
from store.commands.api_tokens import add_token, revoke_token
from store.schema import api_tokens

ADDRESS = "http://127.0.0.1:8600"
LAUNCH = {"settings": {"questions": 5, "topics": ["pods"]}}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def shared(served: Any, make_app: Callable[..., FastAPI]) -> Iterator[TestClient]:
    """An interface that asks everybody for a token."""
    app = make_app(served.store, served.paths, tokens_only=True)
    with TestClient(app, base_url="http://distill.example") as client:
        yield client


def test_a_token_may_do_what_its_scope_says(served: Any, shared: TestClient) -> None:
    tokens = {scope: add_token(served.store, f"{scope}-token", scope) for scope in ("view", "review", "operate")}
    assert shared.get("/v1/runs").status_code == 401
    assert shared.get("/v1/runs").headers["www-authenticate"] == "Bearer"
    for scope, token in tokens.items():
        assert shared.get("/v1/runs", headers=bearer(token)).status_code == 200
        launched = shared.post("/v1/runs", json=LAUNCH, headers=bearer(token))
        assert launched.status_code == (201 if scope == "operate" else 403)
        if scope != "operate":
            assert launched.json()["detail"] == f"{scope}ers may not launch: ask one of the operators"
    run = queries.find_run(served.store, launched.json()["id"])
    assert run and run.requested_by == "operate-token"
    assert shared.post(f"/v1/runs/{run.id}/cancel", headers=bearer(tokens["review"])).status_code == 403
    assert shared.delete("/v1/schedules/x", headers=bearer(tokens["view"])).status_code == 403


def test_an_unknown_an_expired_and_a_revoked_token_are_refused_at_once(served: Any, shared: TestClient) -> None:
    token, old = add_token(served.store, "soon-gone", "view"), add_token(served.store, "old", "view", days=1)
    assert shared.get("/v1/runs", headers=bearer(token)).status_code == 200
    revoke_token(served.store, "soon-gone")
    with served.store.write() as connection:
        connection.execute(update(api_tokens).where(api_tokens.c.name == "old")
                           .values(expires_at="2026-01-01T00:00:00.000000Z"))
    for sent, sentence in ((bearer(token), "the token 'soon-gone' is revoked"), (bearer(old), "'old' is expired"),
                           (bearer("distill_x"), "this token is unknown"), (bearer(""), "is not 'Bearer TOKEN'"),
                           ({"Authorization": "Basic eDp5"}, "is not 'Bearer TOKEN'")):
        response = shared.get("/v1/runs", headers=sent)
        assert response.status_code == 401 and sentence in response.json()["detail"], response.text


def test_a_token_that_is_not_valid_is_refused_on_this_machine_too(served: Any) -> None:
    assert served.client.get("/v1/runs", headers=bearer("distill_x")).status_code == 401


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"X-Forwarded-For": "10.0.0.1"}])
def test_without_a_token_a_foreign_page_and_a_proxy_may_not_ask(served: Any, headers: dict[str, str]) -> None:
    before = queries.count_of_runs(served.store)
    assert served.client.post("/v1/runs", json=LAUNCH, headers=headers).status_code in (401, 403)
    assert queries.count_of_runs(served.store) == before


def test_a_body_that_no_script_could_send_elsewhere_is_needed(served: Any) -> None:
    """A form of a foreign page sends text/plain without asking the interface first."""
    response = served.client.post("/v1/runs", content='{"settings": {}}', headers={"Content-Type": "text/plain"})
    assert response.status_code == 422


def test_who_asks_too_often_waits_and_others_do_not(served: Any, make_app: Callable[..., FastAPI]) -> None:
    token = add_token(served.store, "hasty", "view")
    with TestClient(make_app(served.store, served.paths, rate=0.5), base_url=ADDRESS) as client:
        codes = [client.get("/v1/queue", headers=bearer(token)).status_code for _ in range(3)]
        assert codes == [200, 429, 429]
        limited = client.get("/v1/queue", headers=bearer(token))
        assert int(limited.headers["retry-after"]) >= 1 and "more than 0.5 requests per second" in limited.text
        assert client.get("/v1/queue").status_code == 200


def test_a_body_of_100_mb_is_refused_before_it_is_read(served: Any) -> None:
    stated = served.client.post("/v1/runs", content=b"x", headers={"Content-Length": "100000000"})
    assert stated.status_code == 413 and "1,000,000 bytes" in stated.json()["detail"]

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    streamed = served.client.post("/v1/runs", content=chunks(), headers={"Content-Type": "application/json"})
    assert streamed.status_code == 413 and "1,000,000 bytes" in streamed.json()["detail"]


def test_a_path_that_does_not_exist_is_a_problem_too(served: Any) -> None:
    response = served.client.get("/v2/runs")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert served.client.put("/v1/runs").status_code == 405


def test_tokens_are_made_listed_and_revoked_on_the_command_line(
        served: Any, shared: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(served.paths.data))
    assert main(["token", "add", "nightly", "--scope", "view", "--days", "7"]) == 0
    token = capsys.readouterr().out.strip()
    assert shared.get("/v1/runs", headers=bearer(token)).status_code == 200
    assert main(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert "nightly" in listed and "valid" in listed and token not in listed
    assert main(["token", "revoke", "nightly"]) == 0 and main(["token", "revoke", "nightly"]) == 2
    assert shared.get("/v1/runs", headers=bearer(token)).status_code == 401


def test_the_interface_is_not_shared_without_any_token(
        tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["api", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "0.0.0.0 needs tokens and there is none: make one with" in capsys.readouterr().err
    assert main(["api", "--rate", "0"]) == 2


def test_as_many_connections_are_taken_as_the_system_allows() -> None:
    """In a process of its own: the limit is one of a process."""
    script = ("import resource; from runner.cli import api; files = resource.RLIMIT_NOFILE\n"
              "resource.setrlimit(files, (256, resource.getrlimit(files)[1])); api._allow_many_connections()\n"
              "print(resource.getrlimit(files)[0] == min(api.MOST_FILES, resource.getrlimit(files)[1]))")
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True,
                          check=True)
    assert done.stdout == "True\n"
