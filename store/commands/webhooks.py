"""Add and remove webhooks, and send again what was given up."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select, update

from store.commands.runs import CommandRefused
from store.database import Store
from store.event_log.outbox import DEAD, OCCASIONS, PENDING
from store.program_name import NAME
from store.schema import webhook_outbox, webhooks
from store.timestamps import utc_now

FORMATS = ("json", "slack", "discord")


def add_webhook(store: Store, name: str, url: str, occasions: Sequence[str], form: str = "json",
                private_addresses: bool = False) -> str:
    """Add a webhook; return the secret that its deliveries are signed with.

    Args:
        store: where it is kept.
        name: how people call it.
        url: where it is sent, http or https.
        occasions: what it is about, some of OCCASIONS; empty: all.
        form: one of FORMATS, the form of the body.
        private_addresses: whether the address may be of this machine or of a private network.

    Raises:
        CommandRefused: an invalid value, or a webhook of this name.
    """
    parts = _parts(url)
    unknown = [one for one in occasions if one not in OCCASIONS]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise CommandRefused(f"{name!r} is no name of a webhook: use letters, digits, '.', '-' and '_', up to 64")
    if unknown:
        raise CommandRefused(f"occasion {unknown[0]!r}: use some of {', '.join(OCCASIONS)}")
    if form not in FORMATS:
        raise CommandRefused(f"format {form!r}: use one of {', '.join(FORMATS)}")
    if parts is None:
        raise CommandRefused(f"the address {url[:200]!r} cannot be used: give http://HOST/PATH or https://HOST/PATH, "
                             "without user and password")
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    with store.write() as connection:
        if connection.execute(select(webhooks.c.name).where(webhooks.c.name == name)).scalar():
            raise CommandRefused(f"there is a webhook {name!r} already: remove it first, or choose another name")
        connection.execute(insert(webhooks).values(
            name=name, url=url, format=form, occasions=json.dumps(list(occasions or OCCASIONS)), secret=secret,
            private_addresses=private_addresses, added_at=utc_now()))
    return secret


def remove_webhook(store: Store, name: str) -> None:
    """Remove a webhook with what was still to be sent to it.

    Raises:
        CommandRefused: there is no such webhook.
    """
    with store.write() as connection:
        if not connection.execute(delete(webhooks).where(webhooks.c.name == name)).rowcount:
            raise CommandRefused(_unknown(name))
        connection.execute(delete(webhook_outbox).where(webhook_outbox.c.webhook == name))


def send_again(store: Store, name: str) -> int:
    """Send what was given up for a webhook again, from now on for another day; return how many.

    Raises:
        CommandRefused: there is no such webhook.
    """
    with store.write() as connection:
        if connection.execute(select(webhooks.c.name).where(webhooks.c.name == name)).scalar() is None:
            raise CommandRefused(_unknown(name))
        return connection.execute(
            update(webhook_outbox).where(webhook_outbox.c.webhook == name, webhook_outbox.c.state == DEAD)
            .values(state=PENDING, attempts=0, due_at=time.time(), ended_at=None)).rowcount


def _unknown(name: str) -> str:
    return f"no webhook {name!r}: list them with '{NAME} webhook list'"


def _parts(url: str) -> object | None:
    """The parts of an address that can be used; None for any other text."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and \
            (parts.port is None or parts.port > 0) and url.isprintable() and " " not in url and len(url) <= 2000
    except ValueError:
        return None
    return parts if usable else None
