"""The event log over REST: every event once, in order, by pages and by Server-Sent Events that continue."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from runner.api.event_poller import EventPoller
from runner.api.routes import events
from store import commands
from store.commands.api_tokens import add_token, revoke_token
from store.event_log.event_numbers import EventPage
from store.event_log.journal import append_without_claim
from store.events import RunAnnotated
from tests.plain_runs import plain_run


@contextlib.contextmanager
def stream(address: str, path: str = "/v1/events/stream", **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a stream as they come."""
    with httpx.Client(timeout=600, trust_env=False) as client, \
            client.stream("GET", f"{address}{path}", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _parsed(response.iter_lines())


def _parsed(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield {"comment": line}
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield json.loads(fields["data"]) | {"sse_id": fields["id"], "sse_event": fields["event"]}
            fields = {}


def annotate(served: Any, count: int, note: str = "") -> None:
    with served.store.write() as connection:
        append_without_claim(connection, served.queued, *(RunAnnotated((), f"{note}{n}", "test") for n in range(count)))


def test_all_events_are_read_page_by_page_and_an_id_of_another_store_is_refused(served: Any) -> None:
    found, after = [], 0
    while True:
        page = served.get("/v1/events", params={"after": after, "limit": 100})
        found += page["events"]
        after = page["next"]
        if after == page["newest"]:
            break
    assert [event["id"] for event in found] == list(range(1, len(found) + 1)) and len(found) > 100
    kinds = served.get("/v1/events?kind=RunFinished&kind=RunRequested&limit=1000")["events"]
    assert [event["kind"] for event in kinds if event["run"] == served.finished] == ["RunRequested", "RunFinished"]
    refused = served.get("/v1/events", 409, params={"after": 10**9})
    assert f"whose newest event is {len(found)}" in refused["detail"]
    assert served.get("/v1/events/stream", 409, params={"after": 10**9})["status"] == 409
    assert "'Nothing' is no kind of event" in served.get("/v1/events?kind=Nothing", 422)["detail"]
    for path in ("/v1/events?after=-1", "/v1/events?limit=0", f"/v1/events?after={2**63}"):
        served.get(path, 422)


def test_a_stream_shows_a_launch_as_it_happens_and_continues_where_it_was_cut_off(served: Any, address: str) -> None:
    with stream(address) as seen:
        run = commands.launch_run(served.store, plain_run(), "test")
        first = next(seen)
        assert (first["kind"], first["run"], first["sse_event"]) == ("RunRequested", run, "RunRequested")
    annotate(served, 3, "missed ")
    with stream(address, **{"Last-Event-ID": first["sse_id"]}) as seen:
        missed = [next(seen) for _ in range(3)]
        assert [event["payload"]["note"] for event in missed] == ["missed 0", "missed 1", "missed 2"]
        annotate(served, 1, "live ")
        assert next(seen)["payload"]["note"] == "live 0"
    assert [int(event["sse_id"]) for event in missed] == [int(first["sse_id"]) + n for n in (1, 2, 3)]


def test_a_stream_of_one_run_and_kind_leaves_out_the_others(served: Any, address: str) -> None:
    with stream(address, f"/v1/events/stream?after=0&run={served.finished}&kind=RunFinished") as seen:
        assert next(seen)["kind"] == "RunFinished"


def test_many_readers_get_every_event_and_one_that_reads_nothing_holds_up_nobody(served: Any, address: str) -> None:
    start = served.get("/v1/events?limit=1")["newest"]
    path = f"/v1/events/stream?after={start}"
    with contextlib.ExitStack() as opened:
        opened.enter_context(stream(address, path))  # never read
        readers = [opened.enter_context(stream(address, path)) for _ in range(10)]
        annotate(served, 300, "many ")
        for reader in readers:
            ids = (event["id"] for event in reader if "id" in event)  # a slow machine has time for comments
            assert list(itertools.islice(ids, 300)) == list(range(start + 1, start + 301))


def test_a_silent_stream_is_kept_alive(served: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)
    with stream(address) as seen:
        assert next(seen) == {"comment": ": keep-alive"}


def test_a_stream_ends_when_its_token_is_revoked(served: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(events, "TOKEN_CHECK_SECONDS", 0.0)
    token = add_token(served.store, "listener", "view")
    with stream(address, Authorization=f"Bearer {token}") as seen:
        assert next(seen) == {"comment": ": keep-alive"}
        revoke_token(served.store, "listener")
        assert len(list(itertools.islice(seen, 400))) < 400


def test_a_busy_store_cuts_no_stream_off(served: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page, refusals = EventPoller.page, iter(range(2))

    def busy_twice(feed: EventPoller, after: int, limit: int, *of: Any) -> EventPage:
        if limit == events.EVENTS_A_PAGE and next(refusals, None) is not None:
            raise OperationalError("SELECT", {}, Exception("database is locked"))
        return page(feed, after, limit, *of)

    monkeypatch.setattr(EventPoller, "page", busy_twice)
    with stream(address, "/v1/events/stream?after=0") as seen:
        assert next(seen)["id"] == 1


@pytest.mark.parametrize("sent", ["-1", "abc", "1.5", "²"])
def test_what_is_no_id_is_refused(served: Any, sent: str) -> None:
    response = served.client.get("/v1/events/stream", headers={"Last-Event-ID": sent.encode()})
    assert response.status_code == 422
