"""Headline change of many runs with its interval, over time, duration, size or cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from dashboard.figures.verdict_marks import in_legend_order, verdict_mark
from dashboard.style import labels, theme
from store.metrics import METRICS
from store.queries import ChangeRow

AXES: Mapping[str, str] = {"created": "creation time", "minutes": "duration, minutes",
                           "questions": "training questions in all cycles", "cost": "teacher cost, USD"}
"""What the horizontal axis can be."""


@dataclass(frozen=True)
class RunPoint:
    """One run: its name, where it lies on the axis, and its headline change."""

    name: str
    at: datetime | float
    change: ChangeRow


def run_changes(points: Sequence[RunPoint], metric: str, axis: str) -> go.Figure:
    """One point a run; grey where no change is shown. All points are of one metric."""
    figure = go.Figure()
    for verdict in in_legend_order([point.change.verdict for point in points]):
        mark = verdict_mark(verdict, "triangle-up", "triangle-down")
        own = [point for point in points if point.change.verdict == verdict]
        figure.add_scatter(
            x=[point.at for point in own], y=[point.change.change for point in own], mode="markers", name=mark.name,
            marker={"symbol": mark.symbol, "size": 11, "color": mark.color}, showlegend=True,
            error_y={"type": "data", "symmetric": False, "color": mark.color, "thickness": 2, "width": 5,
                     "array": [_reach(point.change, point.change.high) for point in own],
                     "arrayminus": [_reach(point.change, point.change.low) for point in own]},
            customdata=[_hover(point) for point in own], hovertemplate="%{customdata}<extra></extra>")
    figure.add_hline(y=0, line={"color": theme.INCONCLUSIVE, "width": 1.5, "dash": "dot"})
    better = METRICS[metric].better if metric in METRICS else 1
    figure.update_xaxes(title=AXES[axis])
    figure.update_yaxes(title="change" + (" (below 0 is better)" if better < 0 else ""), zeroline=False)
    return theme.apply_theme(figure, 330, theme.escaped(labels.metric_short(metric)))


def _reach(row: ChangeRow, to: float | None) -> float:
    return 0.0 if to is None or row.change is None else abs(to - row.change)


def _hover(point: RunPoint) -> str:
    row = point.change
    return (f"{theme.escaped(point.name)}<br>{labels.number(row.baseline)} → {labels.number(row.tuned)}: "
            f"{labels.change(row.change)} ({labels.interval(row.low, row.high)})<br>"
            f"{labels.coverage(row.scored, row.asked)}")
