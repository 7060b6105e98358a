"""The learning curve: every metric over the cycles, small multiples. Held-out is a line, practice only points."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import findings, palette, text
from dashboard.figures.axes import axis_span
from store.queries import ChangeRow


def learning_curve(changes: Sequence[ChangeRow], metrics: Sequence[str]) -> go.Figure:
    """One panel a metric. Practice questions are other ones in each cycle, so no line joins their points."""
    columns = 2 if len(metrics) > 1 else 1
    rows = max(1, -(-len(metrics) // columns))
    figure = make_subplots(rows=rows, cols=columns, subplot_titles=[text.metric(name) for name in metrics],
                           vertical_spacing=0.16, horizontal_spacing=0.08)
    for at, metric in enumerate(metrics):
        row, col = at // columns + 1, at % columns + 1
        for trace in _traces(changes, metric, first=at == 0):
            figure.add_trace(trace, row=row, col=col)
        shown = [value for change in changes if change.metric == metric for value in (change.baseline, change.tuned)]
        figure.update_yaxes(range=axis_span(shown, metric), row=row, col=col)
    last = max((change.cycle for change in changes), default=1)
    figure.update_xaxes(tickvals=list(range(last + 1)), ticktext=["untrained", *(str(n) for n in range(1, last + 1))],
                        range=[-0.25, last + 0.25])
    figure.for_each_annotation(lambda note: note.update(font={"size": 13}))
    palette.dressed(figure, 235 * rows + 70)
    return figure.update_layout(legend={"y": 1.07 if rows > 1 else 1.14})


def _traces(changes: Sequence[ChangeRow], metric: str, first: bool) -> list[go.Scatter]:
    held_out = [row for row in findings.over_cycles(changes, metric) if row.tuned is not None]
    practice = [row for row in findings.over_cycles(changes, metric, "practice") if row.tuned is not None]
    traces = []
    if held_out:
        start = held_out[0]
        traces.append(go.Scatter(
            x=[0, *(row.cycle for row in held_out)], y=[start.baseline, *(row.tuned for row in held_out)],
            mode="lines+markers", name="held-out", legendgroup="held-out", showlegend=first,
            line={"color": palette.TUNED, "width": 3},
            marker={"size": 11, "color": [palette.BASELINE, *[palette.TUNED] * len(held_out)],
                    "symbol": ["circle-open", *["circle"] * len(held_out)], "line": {"width": 2}},
            customdata=["before training", *(text.coverage(row.scored, row.asked) for row in held_out)],
            hovertemplate="held-out %{y:.3f}, %{customdata}<extra></extra>"))
    if practice:
        traces.append(go.Scatter(
            x=[row.cycle for row in practice], y=[row.tuned for row in practice], mode="markers", name="practice",
            legendgroup="practice", showlegend=first,
            marker={"size": 10, "color": palette.PRACTICE, "symbol": "diamond-open", "line": {"width": 2}},
            customdata=[text.coverage(row.scored, row.asked) for row in practice],
            hovertemplate="practice %{y:.3f}, %{customdata}<extra></extra>"))
    return traces
