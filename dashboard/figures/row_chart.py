"""A chart as HTML: a row for each item, with marks along a shared axis and its values in words.

It needs none of the 4.7 MB that the browser loads for Plotly, so the first page draws it with its text.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from store.axis_scale import AxisScale
from store.formatting import escape_invisible, number


@dataclass(frozen=True)
class Mark:
    """A point of a row, or a bar from `value` to `until`; `shape` is one of those that the page's style knows."""

    shape: str
    color: str
    value: float
    until: float | None = None
    hover: str = ""
    """What is shown on hovering over a bar; empty for what its row shows."""


@dataclass(frozen=True)
class Row:
    """One row: its label, its marks from back to front, the values in words, and what is shown on hovering."""

    label: str
    marks: Sequence[Mark]
    words: str
    hover: str
    apart: bool = False
    """Whether a line divides it from the row above, with which it cannot be compared."""


def row_chart(alt: str, title: str, legend: Sequence[tuple[str, str, str]], rows: Sequence[Row], scale: AxisScale,
              axis: str, zero_line: bool = False) -> str:
    """Draw the rows over one axis; texts are escaped.

    Args:
        alt: name of the chart for screen readers.
        legend: shape, colour and name of each kind of mark.
        scale: from the values to 0 to 100, the percent of the width.
        axis: what the axis shows.
        zero_line: whether a dashed line marks zero.
    """
    ticks = scale.ticks()
    grid = "".join(f"<i class='{'zero' if zero_line and tick == 0 else 'grid'}' style='left:{scale(tick):.2f}%'></i>"
                   for tick in ticks)
    names = "".join(f"<span><i class='{shape}' style='--mark:{color}'></i>{_text(name)}</span>"
                    for shape, color, name in legend)
    return (f"<div class='row-chart' role='group' aria-label='{_text(alt)}'><div class='title'>{_text(title)}</div>"
            f"<div class='legend'>{names}</div><div class='rows'>{''.join(_row(row, scale, grid) for row in rows)}"
            f"<span></span><div class='ticks' aria-hidden='true'>{_tick_labels(ticks, scale)}</div><span></span>"
            f"<div class='axis'>{_text(axis)}</div></div></div>")


def _row(row: Row, scale: AxisScale, grid: str) -> str:
    apart = " apart" if row.apart else ""
    marks = "".join(_mark(mark, scale) for mark in row.marks)
    return (f"<span class='label{apart}'>{_text(row.label)}</span>"
            f"<div class='track{apart}' title='{_text(row.hover)}'>{grid}{marks}</div>"
            f"<span class='words{apart}'>{_text(row.words)}</span>")


def _mark(mark: Mark, scale: AxisScale) -> str:
    at = scale(mark.value)
    if mark.until is None:
        return f"<i class='{mark.shape}' style='left:{at:.2f}%;--mark:{mark.color}'></i>"
    low, high = sorted((at, scale(mark.until)))
    hover = f" title='{_text(mark.hover)}'" if mark.hover else ""
    return (f"<i class='{mark.shape}'{hover} "
            f"style='left:{low:.2f}%;width:{high - low:.2f}%;--mark:{mark.color}'></i>")


def _tick_labels(ticks: Sequence[float], scale: AxisScale) -> str:
    return "".join(f"<span style='left:{scale(tick):.2f}%'>{number(tick, _digits(ticks))}</span>" for tick in ticks)


def _digits(ticks: Sequence[float]) -> int:
    return max((len(f"{tick:g}".partition(".")[2]) for tick in ticks), default=0)


def _text(text: str) -> str:
    return html.escape(escape_invisible(text), quote=True)
