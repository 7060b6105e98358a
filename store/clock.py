"""Time as the store writes it: UTC, ISO 8601, microseconds, always the same width, so that text sorts as time."""

from __future__ import annotations

import functools
from datetime import UTC, datetime


def utc_now() -> str:
    """Now, as text."""
    return as_text(datetime.now(UTC))


@functools.lru_cache(maxsize=8)  # the moment of an event is written with the event and with each thing that it changes
def as_text(moment: datetime) -> str:
    """A moment in UTC as the store holds it."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def parse(text: str) -> datetime:
    """The moment that `utc_now` wrote, with its zone."""
    return datetime.fromisoformat(text)
