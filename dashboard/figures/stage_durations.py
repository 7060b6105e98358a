"""Stacked bars of the stage durations of each cycle."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from store.queries import StageState

_PATTERNS = ("", "/", "x")
"""Stages beyond the number of colours have a pattern, so that no two look alike."""


def stage_durations(columns: Sequence[tuple[str, Sequence[StageState]]], titles: dict[str, str]) -> go.Figure:
    """One bar per cycle; only finished stages have a duration."""
    figure = go.Figure()
    order = list(dict.fromkeys(stage.stage for _, stages in columns for stage in stages if stage.seconds is not None))
    for at, name in enumerate(order):
        seconds = [next((stage.seconds for stage in stages if stage.stage == name), None) for _, stages in columns]
        figure.add_bar(y=[theme.escaped(label) for label, _ in columns], x=seconds, orientation="h",
                       name=theme.escaped(titles.get(name, name)),
                       marker={"color": theme.STAGES[at % len(theme.STAGES)],
                               "pattern": {"shape": _PATTERNS[at // len(theme.STAGES) % len(_PATTERNS)],
                                           "solidity": 0.3},
                               "line": {"color": theme.RULE, "width": 1}},
                       customdata=[labels.duration(value) for value in seconds],
                       hovertemplate="%{fullData.name}: %{customdata}<extra></extra>")
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(ticksuffix=" s")  # an axis title would overlap the legend in a narrow window
    theme.apply_theme(figure, 56 * len(columns) + 180, _longest(columns, titles))
    legend = {"y": -0.35, "yanchor": "top", "traceorder": "normal"}
    return figure.update_layout(legend=legend, margin={"t": 46, "b": 110})


def _longest(columns: Sequence[tuple[str, Sequence[StageState]]], titles: dict[str, str]) -> str:
    """Chart title: the longest stage and its share of the total time."""
    seconds: dict[str, float] = {}
    for stage in (stage for _, stages in columns for stage in stages):
        seconds[stage.stage] = seconds.get(stage.stage, 0.0) + (stage.seconds or 0.0)
    longest, total = max(seconds, key=lambda name: seconds[name], default=""), sum(seconds.values())
    return theme.escaped(f"{titles.get(longest, longest)}: {seconds[longest] / total:.0%} of the time") \
        if total else ""
