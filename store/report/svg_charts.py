"""Draw forest plots and dumbbell plots as SVG. Elements have CSS classes, not colours, which the page's style sets.

All text from a run is escaped; an SVG here contains only lines, circles and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from store.axis_scale import AxisScale
from store.formatting import change, number

WIDTH, LABEL, VALUE, ROW, TOP, BOTTOM = 780, 222, 160, 28, 28, 30
_SIGN = {"improved": "▲", "worse": "▼", "regressed": "▼"}
_LONGEST_LABEL = 30
_MORE_IS_BETTER, _LESS_IS_BETTER = ("← worse", "better →"), ("← better", "worse →")


@dataclass(frozen=True)
class IntervalBar:
    """One row of a forest plot."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    note: str = ""


@dataclass(frozen=True)
class BeforeAfter:
    """One row of a dumbbell plot."""

    label: str
    before: float | None
    after: float | None
    verdict: str


def forest_plot(rows: Sequence[IntervalBar], better: int, title: str, sides: tuple[str, str] | None = None) -> Markup:
    """Draw changes with their 95% intervals around a line at zero, with a label for each side (`sides`)."""
    left, right = sides or (_MORE_IS_BETTER if better > 0 else _LESS_IS_BETTER)
    ends = [0.0, *(end for row in rows for end in (row.low, row.high, row.value) if end is not None)]
    scale = AxisScale(min(ends), max(ends), LABEL, WIDTH - VALUE)
    height = TOP + ROW * len(rows) + BOTTOM
    zero, base = scale(0), height - BOTTOM
    parts = [_ticks(scale, base), _line("zero", zero, TOP - 4, zero, base),
             _text("side", zero + 8, TOP - 12, right, "start"), _text("side", zero - 8, TOP - 12, left, "end")]
    for at, row in enumerate(rows):
        parts.append(_interval_row(row, scale, TOP + ROW * at + ROW / 2))
    return _svg(height, title, parts)


def dumbbell_plot(rows: Sequence[BeforeAfter], title: str) -> Markup:
    """Draw an open dot for before and a filled one for after, with both values as text."""
    ends = [end for row in rows for end in (row.before, row.after) if end is not None] or [0.0, 1.0]
    lowest = 0.0 if min(ends) >= 0 and max(ends) <= 1 else min(ends)
    scale = AxisScale(lowest, max(ends) + 1e-9, LABEL, WIDTH - VALUE)
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [_ticks(scale, height - BOTTOM)]
    for at, row in enumerate(rows):
        parts.append(_dumbbell_row(row, scale, TOP + ROW * at + ROW / 2))
    return _svg(height, title, parts)


def _interval_row(row: IntervalBar, scale: AxisScale, y: float) -> Markup:
    parts = [_text("label", LABEL - 12, y + 4, _short(row.label), "end")]
    kind = row.verdict if row.verdict in _SIGN else "unsure"
    if row.value is None:
        return Markup("").join([*parts, _text("value", WIDTH - VALUE + 12, y + 4, "not measured", "start")])
    if row.low is not None and row.high is not None:
        low, high = scale(row.low), scale(row.high)
        parts += [_line(f"reach {kind}", low, y, high, y), _line(f"reach {kind}", low, y - 5, low, y + 5),
                  _line(f"reach {kind}", high, y - 5, high, y + 5)]
    parts.append(_dot(f"dot {kind}", scale(row.value), y))
    value = f"{_SIGN.get(row.verdict, '')} {change(row.value)}{' · ' if row.note else ''}{row.note}".strip()
    return Markup("").join([*parts, _text("value", WIDTH - VALUE + 12, y + 4, value, "start")])


def _dumbbell_row(row: BeforeAfter, scale: AxisScale, y: float) -> Markup:
    parts = [_text("label", LABEL - 12, y + 4, _short(row.label), "end")]
    if row.before is not None and row.after is not None:
        parts.append(_line("stick", scale(row.before), y, scale(row.after), y))
    if row.before is not None:
        parts.append(_dot("before", scale(row.before), y))
    if row.after is not None:
        parts.append(_dot("after", scale(row.after), y))
    value = f"{number(row.before)} → {number(row.after)}"
    return Markup("").join([*parts, _text("value", WIDTH - VALUE + 12, y + 4, value, "start")])


def _ticks(scale: AxisScale, y: float) -> Markup:
    return Markup("").join(
        _line("grid", scale(tick), TOP - 4, scale(tick), y) + _text("tick", scale(tick), y + 17, f"{tick:g}", "middle")
        for tick in scale.ticks())


def _svg(height: float, title: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>').format(
        WIDTH, round(height), title, title, Markup("").join(parts))


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
        kind, *(round(at, 1) for at in (x1, y1, x2, y2)))


def _dot(kind: str, x: float, y: float) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="5.5"/>').format(kind, round(x, 1), round(y, 1))


def _text(kind: str, x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, round(x, 1), round(y, 1), anchor, escape(text))


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[:_LONGEST_LABEL - 1] + "…"
