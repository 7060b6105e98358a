"""Heatmap of the gain by topic and cycle, with the number of questions."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from dashboard.view_models import run_selection
from store.queries import ChangeRow


def topic_heatmap(columns: Sequence[tuple[str, Sequence[ChangeRow]]], metric: str) -> go.Figure:
    """A colour scale diverging around zero, with change and n in every cell; green is better for every metric.

    Args:
        columns: for each cycle its label and its rows, one row per topic.
    """
    columns = [(theme.escaped(label), rows) for label, rows in columns]
    by_cell = {(label, row.topic): row for label, rows in columns for row in rows}
    topics = sorted({row.topic for _, rows in columns for row in rows}, key=labels.topic)
    grid = [[by_cell.get((label, topic)) for label, _ in columns] for topic in topics]
    gains = [[_gain(row, metric) for row in line] for line in grid]
    reach = max((abs(gain) for line in gains for gain in line if gain is not None), default=1.0) or 1.0
    figure = go.Figure(go.Heatmap(
        z=gains, x=[label for label, _ in columns], y=[theme.wrap_label(labels.topic(topic)) for topic in topics],
        zmin=-reach, zmax=reach, colorscale=theme.DIVERGING, xgap=4, ygap=4, showscale=False,
        text=[[_text(row) for row in line] for line in grid], texttemplate="%{text}",
        textfont={"color": theme.ON_FILL, "size": 12}, hoverongaps=False,
        hovertemplate="%{y}, %{x}: gain %{z:+.3f}<extra></extra>"))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(side="top", showgrid=False)
    return theme.apply_theme(figure, 44 * len(topics) + 110)


def _gain(row: ChangeRow | None, metric: str) -> float | None:
    return None if row is None or row.change is None else run_selection.signed_gain(metric, row.change)


def _text(row: ChangeRow | None) -> str:
    return "" if row is None or row.change is None else f"{labels.change(row.change)}<br>n = {row.scored}"
