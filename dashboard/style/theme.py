"""Colours that read on a light and on a dark ground, and what every chart has in common. Knows no data."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

BASELINE = "#3b82f6"
TUNED = "#f97316"
PRACTICE = "#a855f7"
PARAPHRASE = "#ca8a04"
NEW_TOPIC = "#0d9488"
GENERAL = "#64748b"
# Told apart by those who do not see red and green; every use has a shape or a sign beside it.
BETTER = TUNED
WORSE = BASELINE
INCONCLUSIVE = "#8b93a1"
RULE = "rgba(139, 147, 161, 0.55)"
GRID = "rgba(139, 147, 161, 0.22)"
# Streamlit's charts have placeholders for the colours of the theme; by itself it writes an axis too faintly on white.
TEXT_COLOUR = "#000037"
SERIES = ("#3b82f6", "#f97316", "#0d9488", "#a855f7", "#ca8a04", "#db2777")

STAGES = ("#60a5fa", "#2563eb", "#2dd4bf", "#0f766e", "#f97316", "#c084fc", "#7e22ce", "#94a3b8", "#ca8a04")

WORK_FILL: dict[str, str] = {
    "finished": "#15803d", "running": "#2563eb", "failed": "#b91c1c", "pending": "rgba(139, 147, 161, 0.16)",
    "left out": "#64748b", "stopped": "#a16207",
}
ON_FILL = "#ffffff"
"""Text on any of the fills here: they are dark enough for white on either ground."""
# Orange above zero, blue below: the colours of the tuned and of the untrained student.
DIVERGING = [[0.0, "#1d4ed8"], [0.25, "#3a62b8"], [0.46, "#64748b"], [0.54, "#64748b"], [0.75, "#b0552f"],
             [1.0, "#c2410c"]]

# Streamlit writes white on the primary colour in either theme, and has no option for it: no one colour of a dark theme
# can be read both under white letters and as letters on the ground. So what stands on it is dark where the text around
# is light, and white where that is dark; within a popover too, which is not within the app's element.
PRIMARY_BUTTON_CSS = """<style>
:is(button[data-testid^="stBaseButton-primary"]:enabled, [data-testid="stMultiSelectTagsContainer"] [data-tag]) {
  color: oklch(from currentcolor clamp(0.17, (0.6 - l) * 1000, 1) 0 0);
}
</style>"""

# Plotly's "share" button uploads the chart's data to somebody else's server.
CONFIG: dict[str, Any] = {"modeBarButtonsToRemove": ["sendChartToCloud", "lasso2d", "select2d"], "displaylogo": False}


def apply_theme(figure: go.Figure, height: int, title: str = "", left: int = 10) -> go.Figure:
    """The figure with the margins, grid and legend that all charts share."""
    figure.update_layout(_shared(height, title, left))
    figure.update_xaxes(_AXIS)
    figure.update_yaxes(_AXIS)
    return figure


def themed_figure(traces: Sequence[Mapping[str, Any]], height: int, x: Mapping[str, Any], y: Mapping[str, Any],
                  **layout: Any) -> go.Figure:
    """A figure of one panel, dressed from the beginning: a third of the time of one that is changed afterwards."""
    return go.Figure({"data": list(traces), "layout": {
        **_shared(height), "xaxis": _axis(x), "yaxis": _axis(y), **layout}})


def _axis(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**_AXIS, **given, "title": {**_AXIS["title"], **given.get("title", {})}}


_AXIS: dict[str, Any] = {"gridcolor": GRID, "zerolinecolor": RULE, "automargin": True,
                         "tickfont": {"color": TEXT_COLOUR},
                         "title": {"font": {"color": TEXT_COLOUR}}}


def title_panels(figure: go.Figure, size: int) -> None:
    """Dress what stands above each panel of a figure with several."""
    figure.for_each_annotation(lambda note: note.update(font={"size": size, "color": TEXT_COLOUR}))


def _shared(height: int, title: str = "", left: int = 10) -> dict[str, Any]:
    return {"height": height, "title": {"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"},
            "margin": {"l": left, "r": 10, "t": 76 if title else 40, "b": 40},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": {}},
            "hovermode": "closest"}


def tick(label: str) -> str:
    """A label under an axis: a name and a cycle stand one below the other."""
    return escaped(label).replace(" · ", "<br>")


def wrap_label(words: str, longest: int = 22) -> str:
    """A label in lines of about this length, so that a narrow chart is not all label."""
    return "<br>".join(escaped(line) for line in textwrap.wrap(words, longest)) or escaped(words)


def escaped(words: str) -> str:
    """Text for a figure, where Plotly would read tags as markup."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
