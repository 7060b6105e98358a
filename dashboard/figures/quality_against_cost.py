"""Score against the price of 1,000 answers, on a logarithmic axis: teacher, students, exports."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.axes import axis_span, axis_title
from dashboard.style import labels, theme
from store.analysis.ways_to_answer import WayToAnswer


def quality_against_cost(ways: Sequence[WayToAnswer], metric: str) -> go.Figure:
    """One labelled point each; those without a score or a price are left out, and so is a price of zero."""
    shown = [one for one in ways if one.score is not None and one.usd_per_1000]
    figure = go.Figure()
    figure.add_scatter(
        x=[one.usd_per_1000 for one in shown], y=[one.score for one in shown], mode="markers+text", showlegend=False,
        marker={"size": 14, "color": theme.TUNED}, text=[theme.escaped(one.title) for one in shown],
        textposition="top center", textfont={"color": theme.TEXT_COLOUR},
        customdata=[f"{theme.escaped(one.title)}<br>{labels.number(one.score, 3)}, {labels.money(one.usd_per_1000)}"
                    for one in shown], hovertemplate="%{customdata}<extra></extra>")
    figure.update_xaxes(title="1,000 answers, USD (logarithmic)", type="log")
    figure.update_yaxes(title=axis_title(metric), range=axis_span([one.score for one in shown], metric))
    return theme.apply_theme(figure, 340, "Score against cost: up and to the left is better")
