"""Chart of what the student knows of each cycle's facts: one line per cycle that taught facts of the test."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.axes import axis_span
from dashboard.style import labels, theme
from dashboard.view_models.taught_facts import KnowledgeOfCycle
from store.formatting import plural

_DASHES = ("solid", "dash", "dot", "dashdot")


def taught_facts(known: Sequence[KnowledgeOfCycle], metric: str) -> go.Figure:
    """The mean score of each cycle's facts after every cycle; an open marker before they were taught."""
    lines = [{
        "type": "scatter", "mode": "lines+markers",
        "name": f"taught in cycle {one.taught_in} ({plural(one.facts, 'fact')})",
        "x": [cycle for cycle, _ in one.means], "y": [mean for _, mean in one.means],
        "line": {"color": theme.SERIES[at % len(theme.SERIES)], "width": 2, "dash": _DASHES[at % len(_DASHES)]},
        "marker": {"size": 9, "symbol": ["circle" if cycle >= one.taught_in else "circle-open"
                                         for cycle, _ in one.means]},
        "hovertemplate": "after cycle %{x}: %{y:.3f}",
    } for at, one in enumerate(known)]
    last = max((cycle for one in known for cycle, _ in one.means), default=0)
    values = [mean for one in known for _, mean in one.means]
    ticks = {"tickvals": list(range(last + 1)), "ticktext": ["untrained", *map(str, range(1, last + 1))]}
    return theme.themed_figure(lines, 330, {"title": {"text": "after cycle"}, **ticks},
                               {"title": {"text": labels.metric(metric)}, "range": axis_span(values, metric)})
