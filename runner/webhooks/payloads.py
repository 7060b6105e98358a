"""The body of a delivery: JSON by the Standard Webhooks scheme, or a Slack or Discord message."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple


class Delivery(NamedTuple):
    """One row of the outbox with its webhook."""

    id: str
    occasion: str
    run: str
    sentence: str
    at: str
    attempts: int
    """Attempts before this one."""
    webhook: str
    url: str
    format: str
    secret: str
    private_addresses: bool


def _text(delivery: Delivery) -> str:
    about = f"run {delivery.run}: " if delivery.run else ""
    return f"{about}{delivery.occasion}. {delivery.sentence}".strip()


def _json(delivery: Delivery) -> dict[str, object]:
    return {"type": delivery.occasion, "timestamp": delivery.at,
            "data": {"run": delivery.run or None, "sentence": delivery.sentence}}


BODIES: dict[str, Callable[[Delivery], dict[str, object]]] = {
    "json": _json,
    "slack": lambda delivery: {"text": _escaped(_text(delivery))},
    "discord": lambda delivery: {"content": _text(delivery)[:2000], "allowed_mentions": {"parse": []}},
}


def body_of(delivery: Delivery) -> bytes:
    """Return the body, the same at every attempt."""
    return json.dumps(BODIES[delivery.format](delivery), ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    """Slack's three control characters as text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
