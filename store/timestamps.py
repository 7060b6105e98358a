"""Time as the store writes it: UTC, ISO 8601, microseconds, always the same width, so that text sorts as time."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime, timedelta


def utc_now() -> str:
    """Now, as text."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds // 1000:06d}Z"


def as_text(moment: datetime) -> str:
    """A moment in UTC as the store holds it."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def before_now(span: timedelta) -> str:
    """So long ago, as text."""
    return as_text(datetime.now(UTC) - span)


@functools.lru_cache(maxsize=2)  # thousands of events share one
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse(text: str) -> datetime:
    """The moment that `utc_now` wrote, with its zone."""
    return datetime.fromisoformat(text)
