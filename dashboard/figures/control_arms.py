"""Forest plot of the control arms: one line per comparison with its confidence interval."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.verdict_marks import in_legend_order, verdict_mark
from dashboard.style import labels, theme
from dashboard.view_models.control_arms import AGAINST_UNTRAINED, NOT_MEASURED, Comparison


def forest(lines: Sequence[Comparison], metric: str) -> go.Figure:
    """Right of zero is better for every metric; grey where no change is shown."""
    names = [_name(line) for line in lines]
    figure = go.Figure()
    measured = [line for line in lines if line.gain is not None]
    for verdict in in_legend_order([line.row.verdict for line in measured]):
        mark = verdict_mark(verdict, "triangle-right", "triangle-left")
        own = [line for line in measured if line.row.verdict == verdict]
        figure.add_scatter(
            x=[line.gain for line in own], y=[_name(line) for line in own], mode="markers", name=mark.name,
            marker={"symbol": mark.symbol, "size": 13, "color": mark.color}, showlegend=True,
            error_x=_bars(own, mark.color),
            customdata=[_hover(line) for line in own], hovertemplate="%{customdata}<extra></extra>")
    for line in lines:
        if line.gain is None:
            figure.add_annotation(x=0, y=_name(line), text=NOT_MEASURED, showarrow=False, xanchor="left", xshift=6,
                                  font={"color": theme.TEXT_COLOUR, "size": 12})
    figure.add_vline(x=0, line={"color": theme.INCONCLUSIVE, "width": 1.5, "dash": "dot"})
    split = sum(line.group == AGAINST_UNTRAINED for line in lines)
    if 0 < split < len(lines):
        figure.add_hline(y=split - 0.5, line={"color": theme.RULE, "width": 1})
    figure.update_yaxes(categoryorder="array", categoryarray=names, range=[len(lines) - 0.5, -0.5], showgrid=False)
    figure.update_xaxes(title="gain: right of 0 is better", zeroline=False)
    return theme.apply_theme(figure, 34 * len(lines) + 130, f"Control arms: {labels.metric_within(metric)}")


def _name(line: Comparison) -> str:
    return theme.escaped(f"{line.label} vs untrained" if line.group == AGAINST_UNTRAINED
                         else f"Fine-tuned vs {line.label.lower()}")


def _hover(line: Comparison) -> str:
    row = line.row
    return (f"{_name(line)}<br>{labels.number(row.before, 3)} → {labels.number(row.after, 3)}: change "
            f"{labels.change(row.change, 3)} ({labels.interval(row.low, row.high)})<br>"
            f"{labels.coverage(row.scored, row.asked)}; {row.wins} better, {row.losses} worse, {row.ties} the same")


def _bars(lines: Sequence[Comparison], color: str) -> dict[str, object]:
    def reach(line: Comparison, to: float | None) -> float:
        return 0.0 if to is None or line.gain is None else abs(to - line.gain)
    return {"type": "data", "symmetric": False, "array": [reach(line, line.high) for line in lines],
            "arrayminus": [reach(line, line.low) for line in lines], "color": color, "thickness": 2.5, "width": 7}
