"""Query webhooks and how their deliveries went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from store.database import Store
from store.event_log.outbox import DEAD, DELIVERED, PENDING
from store.schema import webhook_outbox, webhooks
from store.timestamps import parse


@dataclass(frozen=True)
class Webhook:
    """A webhook without its secret, and the number of its deliveries by state."""

    name: str
    url: str
    format: str
    occasions: tuple[str, ...]
    private_addresses: bool
    added_at: datetime
    pending: int
    delivered: int
    dead: int
    """Given up after a day."""
    error: str | None
    """Of the latest delivery that has not arrived."""


def all_webhooks(store: Store) -> list[Webhook]:
    """Return all webhooks, by name."""
    outbox = webhook_outbox
    with store.read() as connection:
        hooks = connection.execute(select(webhooks).order_by(webhooks.c.name)).all()
        counted = {(row.webhook, row.state): row.number for row in connection.execute(
            select(outbox.c.webhook, outbox.c.state, func.count().label("number"))
            .group_by(outbox.c.webhook, outbox.c.state))}
        errors = {row.webhook: row.error for row in connection.execute(
            select(outbox.c.webhook, outbox.c.error).where(outbox.c.state != DELIVERED, outbox.c.error.is_not(None))
            .order_by(outbox.c.at))}
    return [Webhook(hook.name, hook.url, hook.format, tuple(json.loads(hook.occasions)), hook.private_addresses,
                    parse(hook.added_at), counted.get((hook.name, PENDING), 0), counted.get((hook.name, DELIVERED), 0),
                    counted.get((hook.name, DEAD), 0), errors.get(hook.name)) for hook in hooks]
