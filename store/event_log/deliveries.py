"""Hand out what the outbox holds, to one sender at a time, and record how it went."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import and_, select, update

from store.database import Store
from store.event_log.lease_expiry import free_now
from store.event_log.outbox import DEAD, DELIVERED, LOST, PENDING, note_occasion
from store.schema import claims, runs, webhook_outbox, webhooks
from store.timestamps import utc_now

LEASE_SECONDS = 60.0
"""A delivery that was handed out is due again after this, in case its sender was killed."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5.0, 3600.0
MOST_ATTEMPTS = 34
"""The waits between so many attempts are a day. Time in which no sender ran does not count."""


def next_delivery(store: Store) -> Any | None:
    """Hand out the delivery that is due longest, with its webhook; None if none is due. Others get it after a lease."""
    outbox = webhook_outbox
    due = select(outbox.c.id).where(outbox.c.state == PENDING, outbox.c.due_at <= time.time())
    with store.read() as connection:  # looking at an empty outbox takes no write lock
        if connection.execute(due.limit(1)).scalar() is None:
            return None
    first = due.order_by(outbox.c.due_at).limit(1)
    with store.write() as connection:
        found = connection.execute(first if store.is_sqlite else first.with_for_update(skip_locked=True)).scalar()
        if found is None:
            return None
        connection.execute(update(outbox).where(outbox.c.id == found).values(due_at=time.time() + LEASE_SECONDS))
        return connection.execute(
            select(outbox.c.id, outbox.c.occasion, outbox.c.run, outbox.c.sentence, outbox.c.at, outbox.c.attempts,
                   outbox.c.webhook, webhooks.c.url, webhooks.c.format, webhooks.c.secret, webhooks.c.private_addresses)
            .join(webhooks, webhooks.c.name == outbox.c.webhook).where(outbox.c.id == found)).one_or_none()


def record_delivered(store: Store, identity: str) -> None:
    """Record that a delivery has arrived."""
    _set(store, identity, state=DELIVERED, error=None, ended_at=utc_now())


def record_failed_attempt(store: Store, identity: str, error: str) -> None:
    """Record that a delivery has not arrived; it is due again later, and given up after a day."""
    outbox = webhook_outbox
    with store.read() as connection:
        attempts = connection.execute(select(outbox.c.attempts).where(outbox.c.id == identity)).scalar()
    if attempts is None:
        return  # its webhook was removed meanwhile
    given_up = attempts + 1 >= MOST_ATTEMPTS
    _set(store, identity, attempts=attempts + 1, error=error, due_at=time.time() + wait_seconds(attempts),
         state=DEAD if given_up else PENDING, ended_at=utc_now() if given_up else None)


def wait_seconds(attempts: int) -> float:
    """Return how long to wait after an attempt that failed, with so many before it."""
    return float(min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempts))


def note_lost_runs(store: Store) -> None:
    """Note each run whose runner is gone, once for each attempt at it."""
    lost = (select(runs.c.id, claims.c.attempt).join(claims, claims.c.run == runs.c.id)
            .where(and_(runs.c.work == "running", free_now())))
    with store.read() as connection:
        if not connection.execute(select(webhooks.c.name).limit(1)).all():
            return
        found = connection.execute(lost).all()
    if found:
        with store.write() as connection:
            for row in found:
                note_occasion(connection, LOST, row.id, "Its runner is gone; the next one continues it from its last "
                              "checkpoint.", f"{row.id} attempt {row.attempt}")


def _set(store: Store, identity: str, **values: Any) -> None:
    with store.write() as connection:
        connection.execute(update(webhook_outbox).where(webhook_outbox.c.id == identity).values(**values))
