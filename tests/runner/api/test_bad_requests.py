"""What no program should send: refused with a problem by a real server, and nothing is written."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from store import commands, queries
from store.database import open_store
from store.paths import Paths
from tests.addresses import address_in
from tests.plain_runs import plain_run

ADDRESS = "http://127.0.0.1:8600"
DEEP = b"[" * 100_000
LARGE = b"9" * 400
BODIES = (
    b"", b"null", b"[]", b"7", b"\xff\xfe{}", b"{", DEEP, b'{"settings": ' + DEEP, b'{"settings": null}',
    b'{"settings": {"name": "\\ud800"}}', b'{"settings": {"name": "a\\u0000b"}}', b'{"settings": {"questions": NaN}}',
    b'{"settings": {"learning_rate": 1e999}}', b'{"settings": {"questions": ' + LARGE + b"}}",
    b'{"settings": {"topics": [{}]}}', b'{"settings": {"topics": {"a": [null]}}}', b'{"settings": {"knowledge": 5}}',
    b'{"settings": {"preset": ["embedded"]}}', b'{"settings": {"": 1}}', b'{"settings": {"\\ud800": 1}}',
    b'{"settings": {"questions": true}}', b'{"settings": {"seed": -1e308}}', b'{"priority": ' + LARGE + b"}",
    b'{"priority": 1.5}', b'{"priority": null}', b'{"settings": {}, "settings": {"nothing": 1}}',
)
SCHEDULES = (
    {"name": ""}, {"name": "\0", "every_seconds": 3600}, {"name": "a/b", "every_seconds": 3600},
    {"name": "n" * 5000, "every_seconds": 3600}, {"name": "n"}, {"name": "n", "every_seconds": 0},
    {"name": "n", "every_seconds": -5}, {"name": "n", "every_seconds": 10**30}, {"name": "n", "cron": "* * * * * *"},
    {"name": "n", "cron": "61 * * * *"}, {"name": "n", "cron": "\0"}, {"name": "n", "cron": "9" * 10_000},
    {"name": "n", "cron": "0 0 31 2 *"}, {"name": "n", "cron": "0 2 * * *", "zone": "../../etc/passwd"},
    {"name": "n", "cron": "0 2 * * *", "zone": "\0"}, {"name": "n", "cron": "0 2 * * *", "every_seconds": 60},
    {"name": "n", "cron": "0 2 * * *", "settings": {"cycles": 99}},
    {"name": "n", "every_seconds": 3600, "priority": 2**70},
)
PATHS = (
    "runs/%00", "runs/%ff", "runs/..%2f..%2fetc%2fpasswd", "runs/" + "a" * 5000, "runs/none/verdict",
    "runs/{run}/artefacts/..%2f..%2f..%2fetc%2fpasswd", "runs/{run}/artefacts/%00", "runs/{run}/artefacts/%ff",
    "runs/{run}/artefacts/" + "a" * 499, "runs/{run}/answers?cycle=0",
    "runs/{run}/answers?cycle=" + "9" * 400, "runs/{run}/series", "runs/{run}/answers?limit=1e3",
    "runs?limit=0", "runs?limit=" + "9" * 400, "runs?archived=perhaps", "runs?order=random",
    "runs?words=" + "x" * 5000, "runs?cursor=%00", "runs?cursor=%ff", "events?after=-1", "events?after=" + "9" * 400,
    "events?limit=1001", "events?kind=%00", "runs?stat=failed", "runs?state=fialed", "runs?verdict=good",
    "runs?limit=1&limit=2", "events?kinds=RunFinished", "queue?limit=5", "status?x",
    "events/stream?after=x", "events/stream?kind=None",
)


def forged(**position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position, sort_keys=True).encode()).decode().rstrip("=")


def written(served: Any) -> tuple[int, int]:
    return queries.count_of_runs(served.store), len(queries.schedules(served.store))


def refused(response: httpx.Response) -> None:
    assert 400 <= response.status_code < 500, (response.status_code, response.text[:300])
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == response.status_code and problem["detail"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:40].decode("ascii", "replace"))
def test_no_body_that_is_no_run_is_more_than_refused(served: Any, address: str, body: bytes) -> None:
    before = written(served)
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        refused(client.post("/v1/runs", content=body, headers={"Content-Type": "application/json"}))
    assert written(served) == before


@pytest.mark.parametrize("body", SCHEDULES, ids=lambda body: str(body)[:60])
def test_no_body_that_is_no_schedule_is_more_than_refused(served: Any, address: str, body: dict[str, Any]) -> None:
    before = written(served)
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        refused(client.post("/v1/schedules", json=body))
    assert written(served) == before


def test_no_path_or_query_is_more_than_refused(served: Any, address: str) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        for path in PATHS:
            refused(client.get(f"/v1/{path.format(run=served.finished)}"))
        for method, path in (("POST", "runs/%00/cancel"), ("POST", "runs/none/explode"), ("DELETE", "runs/none"),
                             ("POST", "schedules/%00/pause"), ("DELETE", "schedules/%ff"), ("PUT", "schedules/x")):
            refused(client.request(method, f"/v1/{path}"))
        for header in ({"Last-Event-ID": "9" * 20}, {"Last-Event-ID": "9" * 21}, {"Last-Event-ID": ""}):
            refused(client.get("/v1/events/stream", headers=header))
        for key in (b"", b"a b", b"\xff", b"k" * 201):
            refused(client.post("/v1/runs", json={}, headers=[(b"Idempotency-Key", key)]))


@pytest.mark.parametrize(("path", "sentence"), [
    ("runs?stat=failed", "'stat' is no parameter of this path: use limit, cursor, state, verdict, group, words, "
                         "archived, order"),
    ("queue?limit=5", "'limit' is no parameter of this path: use none"),
    ("runs?limit=1&limit=2", "limit is given more than once"),
    ("runs?limit=999", "limit 999 is out of range: use 1 to 500"),
    ("runs/{run}/answers?cycle=0", "cycle 0 is out of range: use 1 to 1000"),
    ("runs?state=fialed", "state 'fialed' is none that a run can have: use queued, running, waiting-for-batch, "
                          "waiting-for-review, paused, finished, failed, cancelled, lost"),
])
def test_what_would_be_ignored_or_is_out_of_range_is_named(served: Any, path: str, sentence: str) -> None:
    assert served.get(f"/v1/{path.format(run=served.finished)}", 422)["detail"] == sentence


def test_a_body_that_is_not_json_or_not_asked_for_is_named(served: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert served.post("/v1/runs", 422, content=b'{"settings": {}}', headers=form)["detail"] == (
        "the body is not sent as JSON: add the header 'Content-Type: application/json'")
    assert served.post("/v1/runs", 422, json={"priority": 2_000_000})["detail"] == (
        "priority 2000000 is out of range: use -1000000 to 1000000")
    pause = f"/v1/runs/{served.queued}/pause"
    assert served.post(pause, 422, json={"reason": "x"})["detail"] == "this path takes no body"
    assert served.get(f"/v1/runs/{served.queued}")["state"] == "queued"
    assert served.post(pause, 413, content=(b" " * 1_000_000 for _ in range(100)))["status"] == 413
    assert served.post(pause, 202, json={})["state"] == "paused"
    assert served.post(f"/v1/runs/{served.queued}/resume", 202)["state"] == "queued"


def test_a_cursor_of_another_store_is_refused(served: Any, make_app: Callable[..., FastAPI], tmp_path: Path) -> None:
    with contextlib.closing(open_store(address_in(tmp_path))) as other, \
            TestClient(make_app(other, Paths(tmp_path, other.url)), base_url=ADDRESS) as client:
        for _ in range(2):
            commands.launch_run(other, plain_run(), "test")
        cursor = client.get("/v1/runs?limit=1").json()["next"]
        assert client.get("/v1/runs", params={"limit": 1, "cursor": cursor}).json()["items"]
    refused = served.get("/v1/runs", 422, params={"limit": 1, "cursor": cursor})
    assert "is none of this list" in refused["detail"]


def test_a_cursor_that_somebody_made_up_is_refused(served: Any) -> None:
    shown = served.get("/v1/runs", params={"limit": 1})["next"]
    known = json.loads(base64.urlsafe_b64decode(shown + "=" * (-len(shown) % 4)))
    for part, value in ((part, value) for part in ("at", "run") for value in ("", "\ud800", "x" * 65, None, 1, [1])):
        problem = served.get("/v1/runs", 422, params={"cursor": forged(**known | {part: value})})
        assert "is none of this list" in problem["detail"]
    for cycle in ("x", 10**30, -1, None):
        cursor = forged(run=served.finished, cycle=cycle, after="")
        served.get(f"/v1/runs/{served.finished}/answers", 422, params={"cursor": cursor})


@pytest.mark.parametrize("ranges", ["bytes=9-1", "bytes=a-b", "bytes=-", "bytes=999999999999-", "lines=1-2",
                                    "bytes=0-0,,", "bytes=" + ",".join("0-1" for _ in range(500))])
def test_a_range_that_is_none_is_answered_by_the_standard(served: Any, ranges: str) -> None:
    folder = served.paths.run(served.finished)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file.json").write_text("0123456789")
    response = served.client.get(f"/v1/runs/{served.finished}/artefacts/file.json", headers={"Range": ranges})
    assert response.status_code in (200, 206, 400, 416)


def test_a_file_name_of_other_bytes_is_listed(served: Any) -> None:
    folder = served.paths.run(served.finished)
    folder.mkdir(parents=True, exist_ok=True)
    odd = folder.joinpath(b"odd-\xff.json".decode("utf-8", "surrogateescape"))
    odd.write_text("{}")
    try:
        listed = served.get(f"/v1/runs/{served.finished}/artefacts")
        assert {"path": "odd-\\xff.json", "size_bytes": 2} in listed
    finally:
        odd.unlink()


def test_a_client_that_sends_and_reads_slowly_holds_up_nobody(served: Any, address: str) -> None:
    where = urlsplit(address)
    slow = []
    for sent in (b"POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{", b"GET /v1/ru",
                 b"GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                 b"\x16\x03\x01 no HTTP at all\r\n\r\n"):
        connection = socket.create_connection((where.hostname or "", where.port or 0))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.sendall(sent)
        slow.append(connection)
    start = time.monotonic()
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        assert [client.get("/v1/queue").status_code for _ in range(10)] == [200] * 10
    assert time.monotonic() - start < 30
    for connection in slow:
        connection.close()
