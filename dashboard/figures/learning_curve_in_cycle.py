"""Learning curve within training: test scores after 25, 50 and 100% of each cycle's steps."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.style import labels, theme
from store.queries import CurveRow


def learning_curve_in_cycle(rows: Sequence[CurveRow]) -> go.Figure:
    """One panel per metric over the optimizer steps of all cycles; each point has the interval of its change."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    figure = make_subplots(rows=1, cols=max(1, len(metrics)), horizontal_spacing=0.09,
                           subplot_titles=[theme.wrap_label(labels.metric(name)) for name in metrics])
    for at, metric in enumerate(metrics, start=1):
        own = [row for row in rows if row.metric == metric and row.value is not None]
        figure.add_scatter(x=steps_so_far(own), y=[row.change for row in own], mode="lines+markers",
                           line={"color": theme.TUNED, "width": 2.5}, error_y=_bars(own), showlegend=False,
                           marker={"size": 10, "color": [theme.BASELINE if row.step == 0 else theme.TUNED
                                                         for row in own]},
                           customdata=[_hover(row) for row in own], hovertemplate="%{customdata}<extra></extra>",
                           row=1, col=at)
        figure.add_hline(y=0, line={"color": theme.INCONCLUSIVE, "width": 1.5, "dash": "dot"}, row=1, col=at)
    figure.update_xaxes(title="optimizer steps, all cycles", rangemode="tozero")
    figure.update_yaxes(title="change vs. untrained", zeroline=False, col=1)
    theme.title_panels(figure, 13)
    return theme.apply_theme(figure, 330)


def steps_so_far(rows: Sequence[CurveRow]) -> list[int]:
    """Optimizer steps of each row, cumulative over the cycles."""
    length = {row.cycle: row.of_steps for row in rows}
    return [row.step + sum(of for cycle, of in length.items() if cycle < row.cycle) for row in rows]


def _hover(row: CurveRow) -> str:
    if row.step == 0:
        return f"untrained: {labels.number(row.value, 3)}<br>{labels.coverage(row.scored, row.asked)}"
    return (f"cycle {row.cycle}, after {row.step} of {row.of_steps} steps: {labels.number(row.value, 3)}<br>"
            f"change {labels.change(row.change, 3)} ({labels.interval(row.low, row.high)})<br>"
            f"{labels.coverage(row.scored, row.asked)}")


def _bars(rows: Sequence[CurveRow]) -> dict[str, object]:
    def reach(row: CurveRow, to: float | None) -> float:
        return 0.0 if to is None or row.change is None else abs(to - row.change)
    return {"type": "data", "symmetric": False, "array": [reach(row, row.high) for row in rows],
            "arrayminus": [reach(row, row.low) for row in rows], "color": theme.TUNED, "thickness": 1.5, "width": 5}
