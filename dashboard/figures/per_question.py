"""Bar chart of the change of each question, sorted from worst to best."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from dashboard.view_models.answer_filter import outcome
from store.queries import AnswerPair
from store.queries.answer_list import ListedAnswer

_COLORS = {"better": theme.BETTER, "worse": theme.WORSE, "same": theme.INCONCLUSIVE}


def per_question(pairs: Sequence[AnswerPair] | Sequence[ListedAnswer], metric: str) -> go.Figure:
    """Bars below and above zero; unscored questions are not drawn, the page counts them."""
    scored = sorted(((pair.change(metric) or 0.0, outcome(pair, metric), pair) for pair in pairs
                     if pair.change(metric) is not None), key=lambda item: item[0])
    figure = go.Figure()
    for kind, color in _COLORS.items():
        own = [(at, value, pair) for at, (value, found, pair) in enumerate(scored, start=1) if found == kind]
        if own:
            hover = [theme.escaped(f"{labels.topic(pair.topic)}: {pair.text[:90]}") for _, _, pair in own]
            figure.add_bar(x=[at for at, _, _ in own], y=[value for _, value, _ in own], name=kind,
                           marker={"color": color}, customdata=hover,
                           hovertemplate="%{customdata}<br>%{y:+.3f}<extra></extra>")
    figure.add_hline(y=0, line={"color": theme.INCONCLUSIVE, "width": 1})
    figure.update_xaxes(title="questions, sorted by change", showticklabels=False)
    figure.update_yaxes(title="fine-tuned − untrained")
    title = ", ".join(f"{sum(found == kind for _, found, _ in scored)} {word}" for kind, word in
                      (("better", "better"), ("worse", "worse"), ("same", "unchanged")))
    return theme.apply_theme(figure, 280, title).update_layout(bargap=0.15)
