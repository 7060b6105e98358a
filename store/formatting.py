"""Format numbers and untrusted texts for pages and evidence packs. A missing value is a dash, never a zero."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

from store.metrics import METRICS, NATS

DASH = "–"
# NUL and other control characters, bidirectional controls, invisible marks and tags: they can make a text read as
# something else.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb"
                        "\U000e0000-\U000e007f]")


def number(value: float | None, digits: int = 2) -> str:
    """Format a number with a minus sign where it is negative; one that rounds to zero has none."""
    return DASH if value is None else change(value, digits).removeprefix("+")


def change(value: float | None, digits: int = 2) -> str:
    """Format a difference with its sign; one that rounds to zero has none."""
    if value is None:
        return DASH
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if text.strip("+−0.") else text[1:]


def whole(value: float | None) -> str:
    """Format a count, with commas between thousands."""
    return DASH if value is None else f"{value:,.0f}"


def interval(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"{change(low)} to {change(high)}"


class Changed(Protocol):
    """A paired change with its interval and its numbers of better and worse pairs."""

    @property
    def change(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def wins(self) -> int: ...
    @property
    def losses(self) -> int: ...


def is_unmoved(found: Changed) -> bool:
    """Whether every pair has the same score before and after."""
    return found.change == 0 and found.wins == found.losses == 0


def limits(found: Changed, metric: str) -> tuple[float | None, float | None]:
    """Return the interval of a change; (None, None) where no pair changed its score in nats.

    The interval of equal pairs assumes that a score can change by 1 at most, which holds for shares alone.
    """
    if is_unmoved(found) and metric in METRICS and METRICS[metric].unit == NATS:
        return None, None
    return found.low, found.high


def change_interval(found: Changed, metric: str) -> str:
    """Format the interval of a change, or say that all scores are identical where it then has none."""
    low, high = limits(found, metric)
    return "identical scores" if low is None and is_unmoved(found) else interval(low, high)


def effect(size: float | None, low: float | None, high: float | None) -> str:
    """Format an effect size with its interval, in standard deviations of the differences."""
    return DASH if size is None else f"{change(size)} ({interval(low, high)})"


def p_value(value: float | None) -> str:
    """Format a p value; small ones as "< 0.001"."""
    return DASH if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def scored_of(scored: int, asked: int) -> str:
    """Format the number of pairs behind a mean, and how many are missing if any are."""
    return f"n = {scored}" if scored == asked else f"n = {scored} of {asked}, {asked - scored} missing"


def duration(seconds: float | None) -> str:
    """Format seconds as 8 s, 2 min 5 s, 1 h 10 min."""
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
    """Format a count with a noun, which gets an s unless the count is 1."""
    return f"{how_many} {thing}" if how_many == 1 else f"{how_many} {thing}s"


def money(usd: float | None) -> str:
    """Format an amount in USD; an unknown price is not shown as zero."""
    if usd is None:
        return "no price known"
    if 0 < usd < 0.0001:
        return "less than 0.0001 USD"
    return f"{usd:.2f} USD" if usd == 0 or usd >= 0.1 else f"{usd:.4f} USD"


def metric(name: str) -> str:
    """Return a metric's title, with a note if lower is better."""
    measure = METRICS.get(name)
    if measure is None:
        return name.replace("_", " ").capitalize()
    return measure.title + (" (lower is better)" if measure.better < 0 else "")


def first_sentence(text: str) -> str:
    """Return what stands before the first full stop, question or exclamation mark that another sentence follows."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", text, maxsplit=1)[0]


def escape_invisible(text: str) -> str:
    """Replace invisible and direction-changing characters by U+FFFD, which is visible."""
    return _INVISIBLE.sub("\ufffd", text)


def clipped(body: str, characters: int = 6000) -> tuple[str, str | None]:
    """Truncate a text for display; return it with a note if something was left off, else with None."""
    if len(body) <= characters:
        return body, None
    return body[:characters], f"Shown: the first {characters:,} of {len(body):,} characters. The export has all."
