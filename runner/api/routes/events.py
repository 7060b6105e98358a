"""The event log as it grows: page by page, and as Server-Sent Events."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import OperationalError

from runner.api.access import Asking, StillValid
from runner.api.context import Context
from runner.api.event_poller import POLL_SECONDS, EventPoller
from runner.api.problems import responses
from runner.errors import UserError
from store.event_log.event_numbers import EventPage, NumberedEvent
from store.events import KINDS

router = APIRouter(prefix="/v1/events", tags=["events"])
Kinds = Annotated[list[str] | None, Query(max_length=50, alias="kind", description="Only events of this kind, such as "
                                          "RunFinished; may be repeated.")]
OfRun = Annotated[str, Query(max_length=100, description="Only events of this run.")]
AfterId = Annotated[int, Query(ge=0, le=2**62, description="The id of the last event that is known; 0: none.")]
KEEP_ALIVE_SECONDS = 15.0
"""A comment is sent after so long without an event, so that proxies keep the connection and a dead one shows."""
TOKEN_CHECK_SECONDS = 5.0
"""How often a stream looks whether its token is still valid, when there are events; without any, at every comment."""
EVENTS_A_PAGE = 200
_KEEP_ALIVE = ": keep-alive\n\n"


@router.get("", responses=responses(409))
def list_events(context: Context, asking: Asking, after: AfterId = 0, run: OfRun = "", kind: Kinds = None,
                limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> EventPage:
    """List events of all runs after an id, oldest first. Ask again with `after=next` as long as `next` < `newest`."""
    return context.feed.page(after, limit, run, checked_kinds(kind))


@router.get("/stream", response_class=StreamingResponse,
            responses=responses(409) | {200: {
                "description": "Server-Sent Events: `id` is the event's id, `event` its kind, `data` the event as JSON",
                "content": {"text/event-stream": {}}}})
def stream_events(context: Context, asking: Asking, token_is_valid: StillValid,
                  after: Annotated[int | None, Query(ge=0, le=2**62, description="The id of the last event that is "
                                                     "known; without it only new events are sent.")] = None,
                  run: OfRun = "", kind: Kinds = None,
                  last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None
                  ) -> StreamingResponse:
    """Follow the events of all runs. A client that was cut off continues with the header Last-Event-ID."""
    if last_event_id is not None:
        if not last_event_id.isascii() or not last_event_id.isdigit():
            raise UserError(f"Last-Event-ID {last_event_id!r} is no id of an event: use a whole number")
        after = int(last_event_id)
    start = context.feed.newest() if after is None else after
    kinds = checked_kinds(kind)
    context.feed.page(start, 1)  # an id of another store is refused before the stream begins
    return StreamingResponse(_stream(context.feed, start, run, kinds, token_is_valid), media_type="text/event-stream",
                             headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


def checked_kinds(kinds: list[str] | None) -> tuple[str, ...]:
    """Return the kinds of events that are asked for.

    Raises:
        UserError: there is no such kind.
    """
    if unknown := [kind for kind in kinds or () if kind not in KINDS]:
        raise UserError(f"kind {unknown[0][:60]!r} is no kind of event: use {', '.join(sorted(KINDS))}")
    return tuple(kinds or ())


async def _stream(feed: EventPoller, after: int, run: str, kinds: tuple[str, ...],
                  token_is_valid: Callable[[], bool]) -> AsyncIterator[str]:
    """Events after a number, until the process is to end or the token of who asked has been revoked or is expired.

    A page is read when the one before has been sent, so that a slow reader keeps one in memory.
    """
    yield "retry: 1000\n\n"
    checked = time.monotonic()
    while not feed.closed:
        try:
            if time.monotonic() - checked >= TOKEN_CHECK_SECONDS:
                if not await asyncio.to_thread(token_is_valid):
                    return
                checked = time.monotonic()
            texts, after, newest = await feed.shared(_texts_after, feed, after, run, kinds)
        except OperationalError:  # the store is busy: what is new is read a little later
            await asyncio.sleep(POLL_SECONDS)
            continue
        for text in texts:
            yield text
        if after >= newest and not await feed.wait(after, KEEP_ALIVE_SECONDS) and not feed.closed:
            yield _KEEP_ALIVE


def _texts_after(feed: EventPoller, after: int, run: str, kinds: tuple[str, ...]) -> tuple[list[str], int, int]:
    """Return the next events as text, the number of the last one looked at, and the newest number.

    Read and written once for all streams that are at the same place, as those are that wait for the next event.
    """
    page = feed.page(after, EVENTS_A_PAGE, run, kinds)
    return [as_sse(event) for event in page.events], page.next, page.newest


def as_sse(event: NumberedEvent) -> str:
    """One event in the format of Server-Sent Events."""
    data = json.dumps(dataclasses.asdict(event), default=_text, ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"


def _text(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
