"""Wait times before a repeated call: from the server's headers, or exponential backoff without them. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FIRST_MOMENT = 1e9
"""A wait of this many seconds or more is a moment (in 2001 or later), if it is within `_FARTHEST_SECONDS`."""
_FARTHEST_SECONDS = 10 * 365 * 86400.0
_WAIT_HEADERS = {"retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001, "retry-after": 1.0, "x-retry-after": 1.0,
                 "x-ratelimit-retry-after": 1.0}
"""Headers that state a wait, the most exact first, and their unit in seconds."""
_REMAINING = re.compile(r"ratelimit-.*remaining|ratelimit-remaining")
_POLICY = re.compile(r"\b(?:r|remaining)=0\b.*?\b(?:t|reset)=(\d+)")
"""The header `RateLimit`, with which one limit is used up."""
_ISO_DURATION = re.compile(r"p(?:(\d+)d)?(?:t(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?)?")
# Units in words, English and otherwise; the first letter of the English one is the short form.
_WORDS = {"ms": r"ms|milliseconds?|毫秒", "s": r"s|secs?|seconds?|sekunden?|secondes?|segundos?|секунд\w*|秒(?:钟)?",
          "m": r"m|mins?|minutes?|minuten?|minutos?|минут\w*|分(?:钟)?",
          "h": r"h|hrs?|hours?|stunden?|heures?|horas?|час\w*|小时", "d": r"d|days?|tage?n?|jours?|días?|天"}
_UNIT = "|".join(f"(?P<{unit}>{names})" for unit, names in _WORDS.items())
_QUANTITY = re.compile(rf"(\d+(?:\.\d+)?)\s*(?:{_UNIT})(?![a-zа-я])", re.I)
_ANY_UNIT = "|".join(_WORDS.values())
_AMOUNT = rf"\d+(?:\.\d+)?\s*(?:{_ANY_UNIT})(?![a-zа-я])"
_IN_WORDS = re.compile(
    rf"(?:try again|retry|retry[- _]after|wait(?:ing)?|available(?: again)?|resets?|back ?off)"
    rf"(?: in| after| for)?:? ?(?P<amount>{_AMOUNT}(?:(?:,| and)?\s*{_AMOUNT})*)|"
    rf"(?:请在|请|in|nach|dans|en|через)\s*(?P<foreign>\d+\s*(?:sekunden?|minuten|secondes?|segundos?|minutos?|"
    rf"секунд\w*|минут\w*|秒(?:钟)?|分钟|小时)(?![a-zа-я]))|"
    r"retry[- _]after:? ?(?P<seconds>\d+(?:\.\d+)?)(?![\w.-])|"
    r"(?:resets?|try again|retry|available|wait)(?: at| on| after| until)* "
    r"(?P<moment>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)", re.I)
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
    """Seconds to wait by a refused call's headers: `retry-after-ms`, `retry-after` (a duration or a moment), or the
    limit's reset; else by its message ("try again in 7m12s")."""
    now = now or datetime.now(UTC)
    for name, unit in _WAIT_HEADERS.items():
        stated = headers.get(name, "").strip()
        first, *others = stated.split(",")
        if others and all(part.strip() == first for part in others):  # a header that was sent twice
            stated = first
        if stated and (seconds := _reset(stated, now)) is not None:
            return seconds * unit
    found = rate_limit_reset_seconds(headers, now)
    return _stated_in(message, now) if found is None else found


def rate_limit_reset_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds until an exhausted limit (no requests or tokens remaining) resets; None where none is exhausted."""
    now = now or datetime.now(UTC)
    used_up = [name for name in headers if _REMAINING.search(name) and _is_used_up(headers[name])]
    names = [name.replace("remaining", "reset") for name in used_up]
    resets = [_reset(headers.get(name) or headers.get(f"{name}-after", ""), now) for name in names]
    if policy := _POLICY.search(headers.get("ratelimit", "")):
        resets.append(float(policy[1]))
    return max((reset for reset in resets if reset is not None), default=None)


def _is_used_up(remaining: str) -> bool:
    try:
        return float(remaining) <= 0
    except ValueError:
        return False


def _reset(stated: str, now: datetime) -> float | None:
    """A wait that is stated as a duration, as seconds or milliseconds since 1970, or as a date."""
    seconds = parse_duration(stated)
    seconds = _iso_duration(stated) if seconds is None else seconds
    if seconds is None:
        words = _QUANTITY.fullmatch(stated.strip())
        return _sum_of(words[0]) if words else _until(stated, now) if stated.strip() else None
    if seconds < _FIRST_MOMENT:
        return seconds
    left = (seconds / 1000 if seconds > 1000 * _FIRST_MOMENT else seconds) - now.timestamp()
    return max(0.0, left) if abs(left) < _FARTHEST_SECONDS else seconds


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


def _stated_in(message: str, now: datetime) -> float | None:
    """The wait that a message states in words."""
    found = _IN_WORDS.search(message)
    if found is None:
        return None
    if found["moment"]:
        return _until(found["moment"], now)
    return float(found["seconds"]) if found["seconds"] else _sum_of(found["amount"] or found["foreign"])


def _sum_of(amounts: str) -> float:
    """Seconds of quantities with units, such as `1 hour and 5 min`."""
    return sum(float(found[1]) * _UNITS[found.lastgroup or "s"] for found in _QUANTITY.finditer(amounts))


def _iso_duration(stated: str) -> float | None:
    """Seconds of an ISO 8601 duration such as `PT1M`."""
    found = _ISO_DURATION.fullmatch(stated.strip().lower())
    if found is None or not any(found.groups()):
        return None
    return sum(float(number or 0) * _UNITS[unit] for number, unit in zip(found.groups(), "dhms", strict=True))


def _until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        try:
            moment = datetime.fromisoformat(date.strip())
        except ValueError:
            return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
