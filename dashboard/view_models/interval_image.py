"""A change with its confidence interval as a small picture for a table's cell. No I/O."""

from __future__ import annotations

import base64

from store.queries import ChangeRow

WIDTH, HEIGHT = 120, 22
_RULE = "#8b93a1"
"""Seen on the grounds of both themes."""


def interval_image(row: ChangeRow | None, reach: float, color: str) -> str | None:
    """An image address: the interval as a line, the change as a dot, zero as a dashed line; None without an interval.

    Args:
        reach: the value at both edges, so that the rows of one table share a scale.
        color: of line and dot.
    """
    if row is None or row.change is None or row.low is None or row.high is None or reach <= 0:
        return None

    def at(value: float) -> float:
        return WIDTH / 2 + max(-1.0, min(1.0, value / reach)) * (WIDTH / 2 - 4)
    middle = HEIGHT / 2
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
           f'<line x1="{at(0)}" y1="1" x2="{at(0)}" y2="{HEIGHT - 1}" stroke="{_RULE}" stroke-dasharray="2 2"/>'
           f'<line x1="{at(row.low):.1f}" y1="{middle}" x2="{at(row.high):.1f}" y2="{middle}" stroke="{color}" '
           f'stroke-width="3"/><circle cx="{at(row.change):.1f}" cy="{middle}" r="4.5" fill="{color}"/></svg>')
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def reach_of(rows: list[ChangeRow]) -> float:
    """The largest distance from zero of any interval's end."""
    return max((abs(end) for row in rows for end in (row.low, row.high) if end is not None), default=0.0)
