"""The gain on taught facts as one bar: wording, knowledge, and memory of the trained wording."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from store.analysis.teacher_replacement import PART_TITLES
from store.queries import GainShare
from store.statistics import KNOWLEDGE, MEMORY, WORDING

_COLORS = {WORDING: theme.GENERAL, KNOWLEDGE: theme.TUNED, MEMORY: theme.PRACTICE}
_PATTERNS = {WORDING: "/", KNOWLEDGE: "", MEMORY: "x"}


def gain_shares(parts: Sequence[GainShare], metric: str) -> go.Figure:
    """One segment for each part; what was lost lies left of zero. The intervals are in the table below."""
    figure = go.Figure()
    for part in parts:
        figure.add_bar(
            x=[part.gain], y=[""], orientation="h", name=f"{PART_TITLES[part.part].lower()} {labels.change(part.gain)}",
            marker={"color": _COLORS[part.part], "pattern": {"shape": _PATTERNS[part.part], "solidity": 0.25},
                    "line": {"color": theme.RULE, "width": 1}},
            customdata=[f"{PART_TITLES[part.part]}<br>{labels.change(part.gain, 3)} "
                        f"({labels.interval(part.low, part.high)})"], hovertemplate="%{customdata}<extra></extra>")
    figure.add_vline(x=0, line={"color": theme.INCONCLUSIVE, "width": 1.5, "dash": "dot"})
    figure.update_layout(barmode="relative", bargap=0.3)
    figure.update_xaxes(title=f"gain, {theme.escaped(labels.metric_within(metric))}", zeroline=False)
    return theme.apply_theme(figure, 210, _title(parts))


def _title(parts: Sequence[GainShare]) -> str:
    """Chart title: how much of the gain is knowledge, or that its interval includes zero."""
    found = next((part for part in parts if part.part == KNOWLEDGE), None)
    if found is None:
        return ""
    if found.low is None or found.low <= 0 <= (found.high or 0):
        return f"Knowledge: {labels.change(found.gain)}, not clearly different from 0"
    together = found.share is not None and all(part.gain >= 0 for part in parts)  # else one is more than the whole
    share = f", {found.share:.2f} of the gain on training questions" if together else ""
    return f"Knowledge: {labels.change(found.gain)}{share}"
