"""Charts of logged series: training and held-out loss by cycle, peak memory by stage, tokens per second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.downsampling import MAX_POINTS, downsample, moving_average
from dashboard.style import theme
from store.queries import Point
from store.queries.held_out_losses import HeldOutLoss



def losses(points: Sequence[Point], held_out: Sequence[HeldOutLoss] = ()) -> go.Figure:
    """Training loss over optimizer steps; per cycle the raw values (thin) and a moving average (thick).

    Args:
        points: the training loss of each step.
        held_out: the loss on the test, as a diamond at the step after which it was measured.
    """
    by_cycle: dict[int, list[Point]] = {point.cycle: [] for point in sorted(points, key=lambda point: point.cycle)}
    for point in points:
        if point.value is not None:
            by_cycle[point.cycle].append(point)
    most = MAX_POINTS // len(by_cycle) if by_cycle else 0
    lines = [line for at, cycle in enumerate(by_cycle) for line in _cycle(at, cycle, by_cycle[cycle], most)]
    last_steps = {cycle: max(point.step for point in own) for cycle, own in by_cycle.items() if own}
    if marks := _held_out(held_out, last_steps):
        lines.append(marks)
    unit = next((point.unit for point in points if point.unit), "loss")
    return theme.themed_figure(lines, 330, {"title": {"text": "optimizer step"}}, {"title": {"text": unit}})


def _held_out(held_out: Sequence[HeldOutLoss], last_step: Mapping[int, int]) -> dict[str, Any] | None:
    """Diamonds at the end of each cycle's training, and at step 0 for the untrained student."""
    shown = [one for one in held_out if one.cycle == 0 or one.cycle in last_step]
    if not shown:
        return None
    colors = [theme.BASELINE if one.cycle == 0 else theme.SERIES[one.cycle % len(theme.SERIES)] for one in shown]
    return {"type": "scatter", "mode": "markers", "name": "held-out loss (test)",
            "x": [last_step.get(one.cycle, 0) for one in shown], "y": [one.value for one in shown],
            "marker": {"symbol": "diamond", "size": 11, "color": colors, "line": {"width": 1, "color": theme.RULE}},
            "customdata": [f"after cycle {one.cycle}" if one.cycle else "untrained" for one in shown],
            "hovertemplate": "held-out loss, %{customdata}: %{y:.3f}<extra></extra>"}


def _cycle(at: int, cycle: int, points: Sequence[Point], most: int) -> list[dict[str, Any]]:
    color = theme.SERIES[(at + 1) % len(theme.SERIES)]
    steps, values = [point.step for point in points], [point.value or 0.0 for point in points]
    smoothed = moving_average(values)
    # As arrays: Plotly inspects and copies each value of a list, and sends it as text.
    x, y, smoothed_y = (np.array(downsample(line, most)) for line in (steps, values, smoothed))
    return [{"type": "scatter", "x": x, "y": y, "mode": "lines", "line": {"color": color, "width": 1},
             "opacity": 0.35, "showlegend": False, "hoverinfo": "skip", "legendgroup": str(cycle)},
            {"type": "scatter", "x": x, "y": smoothed_y, "mode": "lines", "name": f"cycle {cycle}",
             "legendgroup": str(cycle),
             "line": {"color": color, "width": 3, "dash": ("solid", "dash", "dot", "dashdot")[at % 4]},
             "customdata": y, "hovertemplate": "step %{x}: %{customdata:.3f} (smoothed %{y:.3f})"}]


def dev_scores(points: Sequence[Point], title: str) -> go.Figure:
    """Mean scores on the development questions over optimizer steps, one line a cycle, as they are.

    Args:
        points: of one metric, by cycle and step.
        title: the metric's.
    """
    lines = []
    for at, cycle in enumerate(dict.fromkeys(point.cycle for point in points)):
        own = [point for point in points if point.cycle == cycle and point.value is not None]
        lines.append({"type": "scatter", "x": [point.step for point in own], "y": [point.value for point in own],
                      "mode": "lines+markers", "name": f"cycle {cycle}", "marker": {"size": 8},
                      "line": {"color": theme.SERIES[(at + 1) % len(theme.SERIES)], "width": 2,
                               "dash": ("solid", "dash", "dot", "dashdot")[at % 4]},
                      "hovertemplate": "step %{x}: %{y:.3f}"})
    return theme.themed_figure(lines, 300, {"title": {"text": "optimizer step"}}, {"title": {"text": title}})


def memory(points: Sequence[Point], titles: dict[str, str]) -> go.Figure:
    """Peak memory of each stage in GB, in execution order."""
    peak: dict[str, float] = {}
    for point in sorted(points, key=lambda point: point.at):
        if point.value is not None:
            peak[point.stage] = max(peak.get(point.stage, 0.0), point.value / 1e9)
    names = [theme.escaped(titles.get(stage, stage)) for stage in peak]
    figure = go.Figure(go.Bar(x=list(peak.values()), y=names, orientation="h", marker={"color": theme.BASELINE},
                              text=[f"{value:.2f} GB" for value in peak.values()], textposition="auto",
                              hovertemplate="%{y}: %{x:.2f} GB<extra></extra>"))
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title="resident memory, GB")
    return theme.apply_theme(figure, 28 * len(peak) + 110)


def throughput(points: Sequence[Point], titles: dict[str, str]) -> go.Figure:
    """Tokens per second over time, one line per stage."""
    by_stage: dict[str, list[Point]] = {}
    for point in points:
        by_stage.setdefault(point.stage, []).append(point)
    lines = []
    for at, (stage, unordered) in enumerate(by_stage.items()):
        own = downsample(sorted(unordered, key=lambda point: point.at), MAX_POINTS // len(by_stage))
        speeds = np.array([point.value for point in own], dtype=float)
        lines.append({"type": "scatter", "x": [point.at for point in own], "y": speeds,
                      "mode": "lines+markers", "name": theme.escaped(titles.get(stage, stage)),
                      "line": {"color": theme.SERIES[at % len(theme.SERIES)], "width": 2}, "marker": {"size": 5}})
    return theme.themed_figure(lines, 300, {}, {"title": {"text": "tokens per second"}, "rangemode": "tozero"})
