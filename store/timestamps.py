"""Timestamps as stored: UTC, ISO 8601, microseconds, fixed width, so that they sort as text."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime, timedelta


def utc_now() -> str:
    """Return the current time as stored."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds // 1000:06d}Z"


def as_text(moment: datetime) -> str:
    """Format a UTC time as stored."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def before_now(span: timedelta) -> str:
    """Return the time `span` ago as stored."""
    return as_text(datetime.now(UTC) - span)


@functools.lru_cache(maxsize=2)  # thousands of events share one
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse(text: str) -> datetime:
    """Parse a stored timestamp; the result is timezone-aware."""
    return datetime.fromisoformat(text)
