"""Send what is due: one attempt each, to the address that was checked, without following a redirect."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable

import httpx
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from runner.webhooks.addresses import AddressRefused, address_for
from runner.webhooks.payloads import Delivery, body_of
from runner.webhooks.signature import headers_of
from store.costs.model_shutdowns import shutdowns
from store.database import Store
from store.event_log.deliveries import next_delivery, note_lost_runs, record_delivered, record_failed_attempt
from store.event_log.outbox import SHUTDOWN, note_occasion
from store.run_config import from_json
from store.schema import runs, schedules, webhooks

POLL_SECONDS = 1.0
SHUTDOWN_CHECK_SECONDS = 3600.0
TIMEOUT_SECONDS = 10.0
"""How long a receiver may take for its whole answer; shorter than the lease of a delivery."""
MOST_AT_ONCE = 100
Log = Callable[..., None]


class Sender:
    """Sends what is due; several processes may do so on one store."""

    def __init__(self, store: Store, log: Log = lambda *args, **fields: None) -> None:
        """`log` takes a message, a level and fields."""
        self._store, self._log = store, log
        self._shutdowns_checked = 0.0

    def tick(self) -> None:
        """Note what no event says, then send what is due."""
        note_lost_runs(self._store)
        if time.monotonic() - self._shutdowns_checked > SHUTDOWN_CHECK_SECONDS or not self._shutdowns_checked:
            note_shutdowns(self._store)
            self._shutdowns_checked = time.monotonic()
        for _ in range(MOST_AT_ONCE):
            row = next_delivery(self._store)
            if row is None:
                return
            self._attempt(Delivery(**row._mapping))

    def run_until(self, stop: threading.Event) -> None:
        """Send until asked to stop; while the store does not answer, try again."""
        while not stop.wait(POLL_SECONDS):
            try:
                self.tick()
            except (OperationalError, InterfaceError) as error:
                self._log("webhooks: the store does not answer", logging.WARNING, error=str(error.orig))

    def _attempt(self, delivery: Delivery) -> None:
        error = send(delivery)
        if error is None:
            record_delivered(self._store, delivery.id)
        else:
            self._log("webhook not delivered", logging.WARNING, webhook=delivery.webhook, delivery=delivery.id,
                      error=error)
            record_failed_attempt(self._store, delivery.id, error)


def send(delivery: Delivery) -> str | None:
    """Send a delivery once; return None if the receiver took it, else why not."""
    url, body = httpx.URL(delivery.url), body_of(delivery)
    try:
        address = address_for(url.host, url.port or {"https": 443}.get(url.scheme, 80), delivery.private_addresses)
        headers = headers_of(delivery, body, int(time.time())) | {"Host": url.netloc.decode("ascii")}
        status = asyncio.run(_status(httpx.Request("POST", url.copy_with(host=address), content=body, headers=headers,
                                                   extensions={"sni_hostname": url.host})))
    except TimeoutError:
        return f"no answer within {TIMEOUT_SECONDS:g} s"
    except (AddressRefused, httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error) or type(error).__name__
    if 300 <= status < 400:
        return f"answered with {status}, a redirect, which is not followed: give the address that it leads to"
    return None if 200 <= status < 300 else f"answered with {status}"


async def _status(request: httpx.Request) -> int:
    """Send a request and return the status. The answer's body is not read: it may be of any length.

    httpx limits each read, so that a receiver which sends a byte now and then could go on for hours.
    """
    async with asyncio.timeout(TIMEOUT_SECONDS), httpx.AsyncClient(timeout=None, trust_env=False) as client:
        response = await client.send(request, stream=True, follow_redirects=False)
        await response.aclose()
        return response.status_code


def note_shutdowns(store: Store) -> None:
    """Note each teacher and judge of schedules and waiting runs that its maker shuts down soon, once."""
    waiting = select(runs.c.config).where(runs.c.work.in_(("queued", "paused")))
    with store.read() as connection:
        if not connection.execute(select(webhooks.c.name).limit(1)).all():
            return
        texts = {*connection.execute(waiting).scalars(), *connection.execute(
            select(schedules.c.config).where(schedules.c.enabled)).scalars()}
    found = {one.model: one for text in texts for _, one in shutdowns(from_json(json.loads(text)))}
    if found:
        with store.write() as connection:
            for model, one in found.items():
                note_occasion(connection, SHUTDOWN, "", f"{one.sentence()}.", f"{model} {one.shutdown}")
