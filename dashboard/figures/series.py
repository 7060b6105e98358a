"""Numbers over steps: the loss of each cycle on one scale, and other series by stage."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard import palette
from store.queries import Point


def losses(points: Sequence[Point]) -> go.Figure:
    """Training loss over optimizer steps: every cycle as measured (thin) and smoothed (thick)."""
    figure = go.Figure()
    cycles = sorted({point.cycle for point in points})
    for at, cycle in enumerate(cycles):
        own = [point for point in points if point.cycle == cycle and point.value is not None]
        color = palette.SERIES[(at + 1) % len(palette.SERIES)]
        steps, values = [point.step for point in own], [point.value or 0.0 for point in own]
        figure.add_scatter(x=steps, y=values, mode="lines", line={"color": color, "width": 1}, opacity=0.35,
                           showlegend=False, hoverinfo="skip", legendgroup=str(cycle))
        figure.add_scatter(x=steps, y=smoothed(values), mode="lines", name=f"cycle {cycle}", legendgroup=str(cycle),
                           line={"color": color, "width": 3, "dash": ("solid", "dash", "dot", "dashdot")[at % 4]},
                           customdata=values, hovertemplate="step %{x}: %{customdata:.3f} (smoothed %{y:.3f})")
    figure.update_xaxes(title="optimizer step")
    figure.update_yaxes(title=next((point.unit for point in points if point.unit), "loss"))
    return palette.dressed(figure, 330)


def smoothed(values: Sequence[float], weight: float = 0.7) -> list[float]:
    """Exponential mean with the start-up bias taken out, so that the first points are not pulled to zero."""
    mean, out = 0.0, []
    for count, value in enumerate(values, start=1):
        mean = weight * mean + (1 - weight) * value
        out.append(mean / (1 - weight**count))
    return out


def memory(points: Sequence[Point], titles: dict[str, str]) -> go.Figure:
    """The most memory that each stage was seen with, in GB, in the order in which the stages ran."""
    peak: dict[str, float] = {}
    for point in sorted(points, key=lambda point: point.at):
        if point.value is not None:
            peak[point.stage] = max(peak.get(point.stage, 0.0), point.value / 1e9)
    names = [palette.escaped(titles.get(stage, stage)) for stage in peak]
    figure = go.Figure(go.Bar(x=list(peak.values()), y=names, orientation="h", marker={"color": palette.BASELINE},
                              text=[f"{value:.2f} GB" for value in peak.values()], textposition="auto",
                              hovertemplate="%{y}: %{x:.2f} GB<extra></extra>"))
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title="resident memory, GB")
    return palette.dressed(figure, 28 * len(peak) + 110)


def throughput(points: Sequence[Point], titles: dict[str, str]) -> go.Figure:
    """Tokens per second in the order of time, one colour a stage."""
    figure = go.Figure()
    for at, stage in enumerate(dict.fromkeys(point.stage for point in points)):
        own = sorted((point for point in points if point.stage == stage), key=lambda point: point.at)
        figure.add_scatter(x=[point.at for point in own], y=[point.value for point in own], mode="lines+markers",
                           name=palette.escaped(titles.get(stage, stage)),
                           line={"color": palette.SERIES[at % len(palette.SERIES)], "width": 2}, marker={"size": 5})
    figure.update_yaxes(title="tokens per second", rangemode="tozero")
    return palette.dressed(figure, 300)
