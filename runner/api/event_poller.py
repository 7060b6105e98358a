"""Follow the event log for any number of waiting requests, with one look at the store for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy.exc import OperationalError

from store.database import Store
from store.event_log.event_numbers import EventPage, number_new_events, numbered_events

Result = TypeVar("Result")
POLL_SECONDS = 0.25
"""How often the store is asked for new events while somebody waits for them."""


class EventPoller:
    """Numbers new events and says when there are any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest = 0
        self._looked = 0.0
        self._mutex = threading.Lock()
        self._changed: asyncio.Event | None = None
        self._poller: asyncio.Task[None] | None = None
        self._waiting = 0
        self._calls: dict[Hashable, asyncio.Task[Any]] = {}
        self.closed = False
        """Whether the process is to end: streams end with it."""

    def newest(self) -> int:
        """Return the number of the newest event, at most POLL_SECONDS old; 0 if there is none."""
        with self._mutex:
            if time.monotonic() - self._looked >= POLL_SECONDS:
                self._newest = number_new_events(self._store)
                self._looked = time.monotonic()
            return self._newest

    def close(self) -> None:
        """End all streams soon; may be called by a signal handler."""
        self.closed = True

    def page(self, after: int, limit: int, run: str = "", kinds: Sequence[str] = ()) -> EventPage:
        """Return up to `limit` events after a number; parameters and errors as of `numbered_events`."""
        self.newest()
        return numbered_events(self._store, after, limit, run, kinds)

    async def shared(self, call: Callable[..., Result], *arguments: Hashable) -> Result:
        """Call a function in a thread; all who ask for the same call while it goes on share its result."""
        key = (call, *arguments)
        task = self._calls.get(key)
        if task is None:
            task = self._calls[key] = asyncio.create_task(asyncio.to_thread(call, *arguments))
            task.add_done_callback(lambda _: self._calls.pop(key, None))
        return cast(Result, await asyncio.shield(task))  # one who goes away ends no call of others

    async def wait(self, after: int, seconds: float) -> bool:
        """Return True once there is an event after this number, False after so many seconds without one."""
        if self._newest > after:
            return True
        if self._poller is None or self._poller.done():
            self._changed = asyncio.Event()
            self._poller = asyncio.create_task(self._poll())
        self._waiting += 1
        try:
            assert self._changed is not None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)
        finally:
            self._waiting -= 1
        return self._newest > after

    async def _poll(self) -> None:
        """Look for new events as long as somebody waits for them, and wake all who do."""
        while True:
            before = self._newest
            with contextlib.suppress(OperationalError):  # the store is busy: the next look finds them
                await asyncio.to_thread(self.newest)
            if (self._newest > before or self.closed) and self._changed is not None:
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(POLL_SECONDS)
            if not self._waiting:
                return
