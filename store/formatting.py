"""How numbers and foreign texts are put into words, for pages and reports. What is missing is a dash, never a zero."""

from __future__ import annotations

import re
from datetime import datetime

from store.metrics import METRICS

DASH = "–"
# NUL and other controls, those of writing direction, marks and tags that nobody sees: with them a text can be made to
# read as something else.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb"
                        "\U000e0000-\U000e007f]")


def number(value: float | None, digits: int = 2) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def change(value: float | None, digits: int = 2) -> str:
    """A difference always carries its sign."""
    return DASH if value is None else f"{value:+.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"{change(low)} to {change(high)}"


def effect(size: float | None, low: float | None, high: float | None) -> str:
    """An effect size with its interval, in standard deviations of the differences."""
    return DASH if size is None else f"{change(size)} ({interval(low, high)})"


def p_value(value: float | None) -> str:
    """A probability; tiny ones are not told to the last digit."""
    return DASH if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def scored_of(scored: int, asked: int) -> str:
    """How many pairs a mean rests on: with what is missing, where something is."""
    return f"n = {scored}" if scored == asked else f"n = {scored} of {asked}, {asked - scored} missing"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 8 s, 2 min 5 s, 1 h 10 min."""
    if seconds is None:
        return DASH
    whole = round(seconds)
    if seconds < 0.1:
        return "< 0.1 s"
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def moment(at: datetime | None) -> str:
    return DASH if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def plural(how_many: int, thing: str) -> str:
    """So many of a thing, whose name takes an s where there is not one of it."""
    return f"{how_many} {thing}" if how_many == 1 else f"{how_many} {thing}s"


def money(usd: float | None) -> str:
    """An amount at list prices; a price that nobody knows is no zero."""
    if usd is None:
        return "no price known"
    if 0 < usd < 0.0001:
        return "less than 0.0001 USD"
    return f"{usd:.2f} USD" if usd == 0 or usd >= 0.1 else f"{usd:.4f} USD"


def metric(name: str) -> str:
    """A metric's title, with the direction where less is better."""
    measure = METRICS.get(name)
    if measure is None:
        return name.replace("_", " ").capitalize()
    return measure.title + (" (lower is better)" if measure.better < 0 else "")


def escape_invisible(words: str) -> str:
    """Characters that would turn or hide the text around them, as a sign that something is there."""
    return _INVISIBLE.sub("\ufffd", words)


def clipped(body: str, characters: int = 6000) -> tuple[str, str | None]:
    """A text that a page can bear, and a note where something was left off."""
    if len(body) <= characters:
        return body, None
    return body[:characters], f"Shown: the first {characters:,} of {len(body):,} characters. The export has all."
