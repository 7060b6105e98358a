"""Stacked bars of the stage durations of each cycle."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.figures.row_chart import Mark, Row, row_chart
from dashboard.style import labels, theme
from store.axis_scale import AxisScale
from store.queries import StageState

_PATTERNS = ("block", "block striped", "block crossed")
"""Stages beyond the number of colours have a pattern, so that no two look alike."""


def stage_durations(alt: str, columns: Sequence[tuple[str, Sequence[StageState]]], titles: dict[str, str]) -> str:
    """One bar per cycle; only finished stages have a duration.

    Args:
        alt: name of the chart for screen readers.
        columns: name and stages of each cycle.
        titles: stage -> its name for people.
    """
    order = list(dict.fromkeys(stage.stage for _, stages in columns for stage in stages if stage.seconds is not None))
    rows = [_row(name, stages, order, titles) for name, stages in columns]
    longest = max((mark.until or 0.0 for row in rows for mark in row.marks), default=0.0)
    legend = [(*_look(at), titles.get(name, name)) for at, name in enumerate(order)]
    return row_chart(alt, _longest(columns, titles), legend, rows, AxisScale(0.0, longest, 0, 100), "seconds")


def _row(name: str, stages: Sequence[StageState], order: Sequence[str], titles: dict[str, str]) -> Row:
    """A cycle's bar: its stages end to end."""
    began, marks, said = 0.0, [], []
    for at, stage in enumerate(order):
        seconds = next((one.seconds for one in stages if one.stage == stage), None)
        if seconds is None:
            continue
        hover = f"{titles.get(stage, stage)}: {labels.duration(seconds)}"
        marks.append(Mark(*_look(at), began, began + seconds, hover))
        said.append(hover)
        began += seconds
    return Row(name, marks, labels.duration(began), "\n".join(said))


def _look(at: int) -> tuple[str, str]:
    """Shape and colour of the stage at this place of the order."""
    count = len(theme.STAGES)
    return _PATTERNS[at // count % len(_PATTERNS)], theme.STAGES[at % count]


def _longest(columns: Sequence[tuple[str, Sequence[StageState]]], titles: dict[str, str]) -> str:
    """Chart title: the longest stage and its share of the total time."""
    seconds: dict[str, float] = {}
    for stage in (stage for _, stages in columns for stage in stages):
        seconds[stage.stage] = seconds.get(stage.stage, 0.0) + (stage.seconds or 0.0)
    longest, total = max(seconds, key=lambda name: seconds[name], default=""), sum(seconds.values())
    return f"{titles.get(longest, longest)}: {seconds[longest] / total:.0%} of the time" if total else ""
