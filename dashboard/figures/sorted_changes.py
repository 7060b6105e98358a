"""Change of each question in several cycles, sorted from worst to best within each cycle."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.style import theme
from dashboard.view_models.answer_filter import outcome
from store.queries import AnswerPair

_STYLES = {"worse": (theme.WORSE, "triangle-down"), "same": (theme.INCONCLUSIVE, "circle-open"),
           "better": (theme.BETTER, "triangle-up")}


def sorted_changes(columns: Sequence[tuple[str, Sequence[AnswerPair]]], metric: str) -> go.Figure:
    """One panel per cycle on one scale; unscored questions are not drawn, the page counts them."""
    figure = make_subplots(rows=1, cols=len(columns), shared_yaxes=True, horizontal_spacing=0.02,
                           subplot_titles=[theme.tick(label) for label, _ in columns])
    named: set[str] = set()
    for col, (_, pairs) in enumerate(columns, start=1):
        scored = sorted(((change, outcome(pair, metric), pair.text) for pair in pairs
                         if (change := pair.change(metric)) is not None), key=lambda item: item[0])
        for kind, (color, symbol) in _STYLES.items():
            own = [(at, change, text) for at, (change, found, text) in enumerate(scored, start=1) if found == kind]
            figure.add_trace(go.Scatter(
                x=[at for at, _, _ in own], y=[change for _, change, _ in own], mode="markers", name=kind,
                legendgroup=kind, showlegend=bool(own) and kind not in named,
                marker={"color": color, "symbol": symbol, "size": 7},
                customdata=[theme.escaped(text[:90]) for _, _, text in own],
                hovertemplate="%{customdata}<br>%{y:+.3f}<extra></extra>"), row=1, col=col)
            named |= {kind} if own else set()
    figure.add_hline(y=0, line={"color": theme.INCONCLUSIVE, "width": 1})
    figure.update_xaxes(showticklabels=False)
    figure.update_yaxes(title="fine-tuned − untrained", row=1, col=1)
    theme.title_panels(figure, 12)
    return theme.apply_theme(figure, 320).update_layout(legend={"y": 1.12}, margin={"t": 70})
