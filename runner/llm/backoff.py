"""Wait times before a repeated call: from the server's headers, or exponential backoff without them. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LIMIT_HEADERS = ("x-ratelimit-{}-requests", "x-ratelimit-{}-tokens", "x-ratelimit-{}", "ratelimit-{}",
                  "anthropic-ratelimit-requests-{}", "anthropic-ratelimit-tokens-{}")
_FIRST_MOMENT = 1e9
"""A reset of this many seconds or more is a moment (in 2001 or later) and no duration."""
_LONG_UNIT = re.compile(r"\s*(second|minute|hour|day)s?", re.I)
_IN_WORDS = re.compile(r"(?:try again|retry|wait)(?: in| after| for)?:? ((?:\d+(?:\.\d+)?\s*(?:ms|seconds?|minutes?|"
                       r"hours?|days?|[smhd])\b ?|\d+(?:\.\d+)?[smhd](?=\d))+)", re.I)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")


def parse_duration(duration: str) -> float | None:
    """Seconds in `20ms`, `1.5s`, `6m0s` or a plain number of seconds; None for anything else."""
    duration = duration.strip().lower()
    if re.fullmatch(r"\d+(?:\.\d+)?", duration):
        return float(duration)
    if not duration or _PART.sub("", duration):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(duration))


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None, message: str = "") -> float | None:
    """Seconds to wait by a refused call's headers: `retry-after-ms`, `retry-after` (seconds or a date), or the
    limit's reset; else by its message ("try again in 7m12s")."""
    if (milliseconds := parse_duration(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    stated = headers.get("retry-after", "")
    if (seconds := parse_duration(stated)) is not None:
        return seconds
    found = _until(stated, now or datetime.now(UTC)) if stated else rate_limit_reset_seconds(headers, now)
    return _stated_in(message) if found is None else found


def rate_limit_reset_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds until an exhausted limit (0 requests or tokens remaining) resets; None where no limit is exhausted."""
    resets = [_reset(headers.get(name.format("reset"), ""), now or datetime.now(UTC))
              for name in _LIMIT_HEADERS if headers.get(name.format("remaining"), "").strip() == "0"]
    return max((reset for reset in resets if reset is not None), default=None)


def _reset(stated: str, now: datetime) -> float | None:
    """A limit's reset, which is stated as a duration, as seconds or milliseconds since 1970, or as a date."""
    seconds = parse_duration(stated)
    if seconds is None:
        return _until(stated, now) if stated.strip() else None
    if seconds < _FIRST_MOMENT:
        return seconds
    return max(0.0, (seconds / 1000 if seconds > 1000 * _FIRST_MOMENT else seconds) - now.timestamp())


def until_text(seconds: float, now: datetime | None = None) -> str:
    """When a wait ends: `until 2027-01-02 09:30:05 UTC`; far future dates only as a number of days."""
    try:
        return f"until {(now or datetime.now(UTC)) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return f"for {seconds / 86400:.0f} days"


def backoff(attempt: int, first_seconds: float, most_seconds: float, rng: random.Random) -> float:
    """Exponential backoff in seconds: doubles with each attempt (from 0), jittered over the upper half to avoid
    synchronized retries."""
    ceiling = min(most_seconds, first_seconds * 2.0 ** min(attempt, 30))
    return float(ceiling * rng.uniform(0.5, 1.0))


def _stated_in(message: str) -> float | None:
    found = _IN_WORDS.search(message)
    return parse_duration(_LONG_UNIT.sub(lambda unit: unit[1][0], found[1]).replace(" ", "")) if found else None


def _until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        try:
            moment = datetime.fromisoformat(date.strip())
        except ValueError:
            return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
