"""Where the time went: the stages of each cycle, laid end to end."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from store.queries import StageState


def stage_durations(columns: Sequence[tuple[str, Sequence[StageState]]], titles: dict[str, str]) -> go.Figure:
    """One bar a cycle; only finished stages have a length."""
    figure = go.Figure()
    order = list(dict.fromkeys(stage.stage for _, stages in columns for stage in stages if stage.seconds is not None))
    for at, name in enumerate(order):
        seconds = [next((stage.seconds for stage in stages if stage.stage == name), None) for _, stages in columns]
        figure.add_bar(y=[theme.escaped(label) for label, _ in columns], x=seconds, orientation="h",
                       name=theme.escaped(titles.get(name, name)),
                       marker={"color": theme.STAGES[at % len(theme.STAGES)],
                               "line": {"color": theme.RULE, "width": 1}},
                       customdata=[labels.duration(value) for value in seconds],
                       hovertemplate="%{fullData.name}: %{customdata}<extra></extra>")
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(ticksuffix=" s")  # a title would stand where a narrow window has the legend
    theme.apply_theme(figure, 56 * len(columns) + 180, _longest(columns, titles))
    legend = {"y": -0.35, "yanchor": "top", "traceorder": "normal"}
    return figure.update_layout(legend=legend, margin={"t": 46, "b": 110})


def _longest(columns: Sequence[tuple[str, Sequence[StageState]]], titles: dict[str, str]) -> str:
    """The stage that took most, and its share of all."""
    took: dict[str, float] = {}
    for stage in (stage for _, stages in columns for stage in stages):
        took[stage.stage] = took.get(stage.stage, 0.0) + (stage.seconds or 0.0)
    longest, all_of_it = max(took, key=lambda name: took[name], default=""), sum(took.values())
    return theme.escaped(f"{titles.get(longest, longest)}: {took[longest] / all_of_it:.0%} of the time") \
        if all_of_it else ""
