"""Colours with enough contrast in the light and the dark theme, and the layout that all charts share."""

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
# A pair of their own, never that of a series; every use also has a shape or a sign, for red-green colour blindness.
BETTER = "#16a34a"
WORSE = "#e11d48"
INCONCLUSIVE = "#8b93a1"
RULE = "rgba(139, 147, 161, 0.55)"
GRID = "rgba(139, 147, 161, 0.22)"
# A placeholder that Streamlit replaces by the theme's text colour; its default axis text is too faint on white.
TEXT_COLOUR = "#000037"
SERIES = ("#3b82f6", "#f97316", "#0d9488", "#a855f7", "#ca8a04", "#db2777")

STAGES = ("#60a5fa", "#2563eb", "#2dd4bf", "#0f766e", "#f97316", "#c084fc", "#7e22ce", "#94a3b8", "#ca8a04")

WORK_FILL: dict[str, str] = {
    "finished": "#15803d", "running": "#2563eb", "failed": "#b91c1c", "pending": "rgba(139, 147, 161, 0.16)",
    "left out": "#64748b", "stopped": "#a16207", "cancelled": "#475569",
}
ON_FILL = "#ffffff"
"""Text colour on any of these fills, which are dark enough for white text in both themes."""
# Green above zero, red below: darker shades of better and worse, on which white text is readable.
DIVERGING = [[0.0, "#be123c"], [0.25, "#9d3d5c"], [0.46, "#64748b"], [0.54, "#64748b"], [0.75, "#3f7a58"],
             [1.0, "#15803d"]]

# Streamlit always writes white on the primary colour, without an option. In a dark theme no single primary colour is
# readable both under white text and as text on the background. So text on it is dark where the surrounding text is
# light, and white otherwise. The selector also matches popovers, which are outside of the app's element.
# The launch button stays in view while the form below and above it is scrolled.
# On the page Live, what stands above the stages keeps its height when a run starts and ends: the row of buttons, and
# the tiles or the result, of which a narrow window has more rows.
# The stages of a run on the page Live are one line a phase, with a square for each stage.
# Small tables are HTML of our own, which a narrow window scrolls.
# Charts of rows are HTML, too: marks at a percent of the row's width, so that every window has them in full.
# And the toolbars of tables and charts lie within them, at the lower right, and not over what stands above; that of a
# table with a selection, which Streamlit shows always, is shown as the others are, where the pointer or the focus is.
PAGE_CSS = """<style>
:is(button[data-testid^="stBaseButton-primary"]:enabled, [data-testid="stMultiSelectTagsContainer"] [data-tag]) {
  color: oklch(from currentcolor clamp(0.17, (0.6 - l) * 1000, 1) 0 0);
}
[data-testid="stSidebar"] [data-testid="stLayoutWrapper"]:has(> .st-key-launch-bar) {
  position: sticky; top: 0; bottom: 0; z-index: 5; padding: 0.4rem 0;
  background: oklch(from currentcolor clamp(0.185, (0.6 - l) * 1000, 0.984) 0.01 256);  /* the sidebar's own */
}
.st-key-live-actions { min-height: 2.8rem; }
.st-key-live-head { min-height: 12.2rem; }
@media (max-width: 640px) { .st-key-live-head { min-height: 18.6rem; } }
.phases { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 0.8rem; font-size: 0.875rem; }
.phases .line { display: flex; flex-wrap: wrap; align-items: center; gap: 0.15rem 0.7rem; min-width: 0; }
.phases .squares { display: flex; flex-wrap: wrap; gap: 2px; }
.phases .squares div { width: 1.15rem; height: 1.15rem; line-height: 1.15rem; border-radius: 3px; font-size: 0.7rem;
                       text-align: center; color: #ffffff; }
.static-table { overflow-x: auto; border: 1px solid rgba(139, 147, 161, 0.45); border-radius: 8px;
                font-size: 0.875rem; }
.static-table table { border-collapse: collapse; width: 100%; margin: 0; }
.static-table :is(th, td) { padding: 0.35rem 0.6rem; text-align: left; vertical-align: top; }
.static-table th { font-weight: 600; min-width: 4.5rem; }
.static-table :is(th, td):first-child { min-width: 8.5rem; }
.static-table tbody td { border-top: 1px solid rgba(139, 147, 161, 0.3); }
.row-chart { font-size: 0.8125rem; line-height: 1.25; }
.row-chart .title { font-size: 0.9375rem; font-weight: 600; }
.row-chart .legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; margin: 0.35rem 0 0.5rem; min-height: 1rem; }
.row-chart .legend span { display: inline-flex; align-items: center; gap: 0.45rem; }
.row-chart .rows { display: grid; grid-template-columns: fit-content(34%) minmax(0, 1fr) max-content; }
.row-chart :is(.label, .words) { align-self: stretch; display: flex; align-items: center; padding: 0.4rem 0; }
.row-chart .label { padding-right: 0.6rem; overflow-wrap: anywhere; }
.row-chart .words { padding-left: 0.6rem; font-variant-numeric: tabular-nums; }
.row-chart :is(.label, .words, .track).apart { border-top: 1px dashed #8b93a1; }
.row-chart .track { position: relative; min-height: 2.1rem; }
.row-chart .ticks { position: relative; height: 1.2rem; font-size: 0.75rem; border-top: 1px solid #8b93a1; }
.row-chart .ticks span { position: absolute; top: 0.15rem; transform: translateX(-50%); }
.row-chart .axis { grid-column: 2 / 4; margin-top: 0.1rem; }
.row-chart i { position: absolute; top: 50%; box-sizing: border-box; }
.row-chart :is(i.grid, i.zero) { top: 0; bottom: 0; width: 0; border-left: 1px solid rgba(139, 147, 161, 0.28); }
.row-chart i.zero { border-left: 2px dotted #8b93a1; margin-left: -1px; }
.row-chart i.bar { height: 4px; margin-top: -2px; background: var(--mark); }
.row-chart i.interval { height: 12px; margin-top: -6px; border: solid var(--mark); border-width: 0 2px;
                        background: linear-gradient(var(--mark), var(--mark)) center / 100% 2.5px no-repeat; }
.row-chart i.block { height: 1.4rem; margin-top: -0.7rem; background: var(--mark); border-right: 1px solid #ffffff; }
.row-chart i.striped { background: repeating-linear-gradient(45deg, var(--mark) 0 5px, #ffffff 5px 7px); }
.row-chart i.crossed { background: repeating-linear-gradient(45deg, transparent 0 5px, #ffffff 5px 7px),
                                   repeating-linear-gradient(-45deg, var(--mark) 0 5px, #ffffff 5px 7px); }
.row-chart :is(i.ring, i.dot, i.circle, i.square, i.up, i.down) { width: 14px; height: 14px; margin: -7px 0 0 -7px;
                                                                 background: var(--mark); }
.row-chart :is(i.ring, i.dot, i.circle) { border-radius: 50%; }
.row-chart i.ring { border: 3px solid var(--mark);  /* over the page's own background */
  background: oklch(from currentcolor clamp(0.208, (0.6 - l) * 1000, 1) clamp(0, (l - 0.6) * 1000, 0.04) 265); }
.row-chart .legend i { position: relative; top: 0; margin: 0; flex: none; }
.row-chart .legend i.block { width: 14px; height: 14px; border: 0; }
.row-chart i.up { clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.row-chart i.down { clip-path: polygon(0 0, 100% 0, 50% 100%); }
[data-testid="stElementToolbar"] { top: auto !important; bottom: 0.4rem; right: 0.4rem; }
[data-testid="stDataFrame"]:not(:hover, :has(:focus-visible)) [data-testid="stElementToolbar"] { opacity: 0; }
</style>"""

# Plotly's "share" button uploads the chart's data to an external server.
CONFIG: dict[str, Any] = {"modeBarButtonsToRemove": ["sendChartToCloud", "lasso2d", "select2d"], "displaylogo": False}


def apply_theme(figure: go.Figure, height: int, title: str = "", left: int = 10) -> go.Figure:
    """Apply the shared margins, grid and legend to a figure; returns it."""
    figure.update_layout(_shared(height, title, left))
    figure.update_xaxes(_AXIS)
    figure.update_yaxes(_AXIS)
    return figure


def themed_figure(traces: Sequence[Mapping[str, Any]], height: int, x: Mapping[str, Any], y: Mapping[str, Any],
                  **layout: Any) -> go.Figure:
    """Build a one-panel figure with the shared layout at once: takes a third of the time of `apply_theme`."""
    return go.Figure({"data": list(traces), "layout": {
        **_shared(height), "xaxis": _axis(x), "yaxis": _axis(y), **layout}})


def _axis(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**_AXIS, **given, "title": {**_AXIS["title"], **given.get("title", {})}}


_AXIS: dict[str, Any] = {"gridcolor": GRID, "zerolinecolor": RULE, "automargin": True,
                         "tickfont": {"color": TEXT_COLOUR},
                         "title": {"font": {"color": TEXT_COLOUR}}}


def title_panels(figure: go.Figure, size: int) -> None:
    """Set size and colour of the panel titles of a figure with subplots."""
    figure.for_each_annotation(lambda note: note.update(font={"size": size, "color": TEXT_COLOUR}))


def _shared(height: int, title: str = "", left: int = 10) -> dict[str, Any]:
    return {"height": height, "title": {"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"},
            "margin": {"l": left, "r": 10, "t": 76 if title else 40, "b": 40},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": {}},
            "hovermode": "closest", "modebar": {"orientation": "v"}}


def tick(label: str) -> str:
    """An axis label with name and cycle on separate lines."""
    return escaped(label).replace(" · ", "<br>")


def wrap_label(text: str, longest: int = 22) -> str:
    """Wrap a label at `longest` characters per line, so that it leaves room for the chart."""
    return "<br>".join(escaped(line) for line in textwrap.wrap(text, longest)) or escaped(text)


def escaped(text: str) -> str:
    """Escape text for a figure, where Plotly would interpret tags as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
