"""Learning curve over cycles: one panel per metric. Tiers with new questions in each cycle are not joined by lines."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.axes import axis_span
from dashboard.style import labels, theme
from dashboard.view_models import run_selection
from store.queries import ChangeRow

# tier -> colour, symbol, and whether all cycles have the same questions.
_LINE_STYLES = {"held-out": (theme.TUNED, "circle", True), "new-topic": (theme.NEW_TOPIC, "square", True),
                "general": (theme.GENERAL, "cross", True),
                "practice": (theme.PRACTICE, "diamond", False), "paraphrase": (theme.PARAPHRASE, "triangle-up", False)}


def metrics_by_cycle(changes: Sequence[ChangeRow], metrics: Sequence[str], headline_tier: str) -> go.Figure:
    """One panel per metric. Training questions and paraphrases differ between cycles, so no line joins them."""
    columns = 2 if len(metrics) > 1 else 1
    rows = max(1, -(-len(metrics) // columns))
    figure = make_subplots(rows=rows, cols=columns, vertical_spacing=0.16, horizontal_spacing=0.08,
                           subplot_titles=[theme.wrap_label(labels.metric(name)) for name in metrics])
    for at, metric in enumerate(metrics):
        row, col = at // columns + 1, at % columns + 1
        for trace in _traces(changes, metric, headline_tier, first=at == 0):
            figure.add_trace(trace, row=row, col=col)
        shown = [value for change in changes if change.metric == metric for value in (change.baseline, change.tuned)]
        figure.update_yaxes(range=axis_span(shown, metric), row=row, col=col)
    last = max((change.cycle for change in changes), default=1)
    figure.update_xaxes(tickvals=list(range(last + 1)), ticktext=["untrained", *(str(n) for n in range(1, last + 1))],
                        range=[-0.25, last + 0.25])
    figure.update_xaxes(title={"text": "cycle", "font": {"size": 12}}, row=rows)
    theme.title_panels(figure, 13)
    theme.apply_theme(figure, 235 * rows + 70)
    return figure.update_layout(legend={"y": 1.07 if rows > 1 else 1.14})


def _traces(changes: Sequence[ChangeRow], metric: str, headline_tier: str, first: bool) -> list[go.Scatter]:
    """Lines for tiers with the same questions in all cycles, points for the others."""
    traces = []
    for tier, (color, symbol, same_questions) in _LINE_STYLES.items():
        rows = [row for row in run_selection.over_cycles(changes, metric, tier) if row.tuned is not None]
        if rows:
            drawn = _line(rows, tier, color, symbol, tier == headline_tier) if same_questions else \
                _points(rows, tier, color, symbol)
            traces.append(drawn.update(legendgroup=tier, showlegend=first,
                                                                 name=labels.tier_short(tier)))
    return traces


def _line(rows: Sequence[ChangeRow], tier: str, color: str, symbol: str, headline: bool) -> go.Scatter:
    return go.Scatter(
        x=[0, *(row.cycle for row in rows)], y=[rows[0].baseline, *(row.tuned for row in rows)], mode="lines+markers",
        line={"color": color, "width": 3 if headline else 2, "dash": "solid" if headline else "dash"},
        marker={"size": 11 if headline else 9, "color": [theme.BASELINE, *[color] * len(rows)],
                "symbol": [f"{symbol}-open", *[symbol] * len(rows)], "line": {"width": 2}},
        customdata=["before training", *(labels.coverage(row.scored, row.asked) for row in rows)],
        hovertemplate=f"{labels.tier_short(tier)} %{{y:.3f}}, %{{customdata}}<extra></extra>")


def _points(rows: Sequence[ChangeRow], tier: str, color: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[row.cycle for row in rows], y=[row.tuned for row in rows], mode="markers",
        marker={"size": 10, "color": color, "symbol": f"{symbol}-open", "line": {"width": 2}},
        customdata=[labels.coverage(row.scored, row.asked) for row in rows],
        hovertemplate=f"{labels.tier_short(tier)} %{{y:.3f}}, %{{customdata}}<extra></extra>")
