"""Scores before and after training as a dumbbell plot; and the paired change with its confidence interval."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.axes import axis_span, axis_title
from dashboard.figures.verdict_marks import in_legend_order, verdict_mark
from dashboard.style import labels, theme
from store.formatting import limits
from store.metrics import METRICS
from store.queries import ChangeRow


def before_after(rows: Sequence[ChangeRow], metric: str, row_names: Sequence[str] | None = None,
                 same_set: Sequence[Sequence[int]] = ()) -> go.Figure:
    """Per row, an open dot (untrained) and a filled dot (fine-tuned), joined and labelled with the change.

    Args:
        row_names: labels of the rows; by default their cycles.
        same_set: groups of row positions with the same questions, which are joined by a line.
    """
    names = [theme.tick(name) for name in row_names or (labels.cycle(row.cycle) for row in rows)]
    scored = [at for at, row in enumerate(rows) if row.baseline is not None and row.tuned is not None]
    figure = go.Figure()
    for group in same_set:
        joined = [at for at in group if at in scored]
        figure.add_scatter(x=[names[at] for at in joined], y=[rows[at].tuned for at in joined], mode="lines",
                           line={"color": theme.TUNED, "width": 1.5, "dash": "dot"}, showlegend=False,
                           hoverinfo="skip")
    for at in scored:
        figure.add_scatter(x=[names[at]] * 2, y=[rows[at].baseline, rows[at].tuned], mode="lines", showlegend=False,
                           line={"color": theme.RULE, "width": 4}, hoverinfo="skip")
    hover = [_hover(rows[at], names[at]) for at in scored]
    figure.add_scatter(x=[names[at] for at in scored], y=[rows[at].baseline for at in scored], mode="markers",
                       marker={"symbol": "circle-open", "size": 15, "color": theme.BASELINE, "line": {"width": 3}},
                       name="before (untrained)", customdata=hover, hovertemplate="%{customdata}<extra></extra>")
    figure.add_scatter(x=[names[at] for at in scored], y=[rows[at].tuned for at in scored], mode="markers+text",
                       marker={"symbol": "circle", "size": 16, "color": theme.TUNED}, name="after (fine-tuned)",
                       text=[labels.change(rows[at].change) for at in scored], textfont={"color": theme.TEXT_COLOUR},
                       textposition=["bottom center" if (rows[at].change or 0) < 0 else "top center" for at in scored],
                       customdata=hover, hovertemplate="%{customdata}<extra></extra>")
    figure.update_xaxes(range=_category_range(len(scored)), categoryorder="array",
                        categoryarray=[names[at] for at in scored])
    values = [value for at in scored for value in (rows[at].baseline, rows[at].tuned)]
    figure.update_yaxes(title=axis_title(metric), range=axis_span(values, metric))
    return theme.apply_theme(figure, 290, _score_title([rows[at] for at in scored], metric))


def paired_change(rows: Sequence[ChangeRow], metric: str, row_names: Sequence[str] | None = None) -> go.Figure:
    """The mean paired change with its 95% interval; grey where no change is shown."""
    names = [theme.tick(name) for name in row_names or (labels.cycle(row.cycle) for row in rows)]
    measured = [(name, row) for name, row in zip(names, rows, strict=True) if row.change is not None]
    figure = go.Figure()
    for verdict in in_legend_order([row.verdict for _, row in measured]):
        mark = verdict_mark(verdict, "triangle-up", "triangle-down")
        chosen = [(name, row) for name, row in measured if row.verdict == verdict]
        figure.add_scatter(
            x=[name for name, _ in chosen], y=[row.change for _, row in chosen], mode="markers", name=mark.name,
            marker={"symbol": mark.symbol, "size": 14, "color": mark.color}, showlegend=True,
            error_y=_bars([row for _, row in chosen], mark.color),
            customdata=[_hover(row, name) for name, row in chosen], hovertemplate="%{customdata}<extra></extra>")
    figure.add_hline(y=0, line={"color": theme.INCONCLUSIVE, "width": 1.5, "dash": "dot"})
    figure.update_xaxes(categoryorder="array", categoryarray=[name for name, _ in measured],
                        range=_category_range(len(measured)))
    better = METRICS[metric].better if metric in METRICS else 1
    figure.update_yaxes(title="fine-tuned − untrained" + (" (below 0 is better)" if better < 0 else ""),
                        zeroline=False)
    return theme.apply_theme(figure, 290, _verdict_title([row for _, row in measured]))


def _category_range(count: int) -> list[float]:
    """The range of the category axis; a single category is centred."""
    return [-1.0, 1.0] if count == 1 else [-0.5, count - 0.5]


def _score_title(rows: Sequence[ChangeRow], metric: str) -> str:
    """Chart title: the metric and, for one run, the last row's scores before and after."""
    last = rows[-1:] if len({row.run for row in rows}) == 1 else []
    return theme.escaped(labels.metric_short(metric)) + "".join(
        f": {labels.number(row.baseline)} → {labels.number(row.tuned)}" for row in last)


def _verdict_title(rows: Sequence[ChangeRow]) -> str:
    """Chart title: the verdict, or the number of cycles by verdict."""
    if len(rows) == 1:
        return f"{labels.verdict(rows[0].verdict).label}: {labels.change(rows[0].change)}"
    verdicts = [row.verdict for row in rows]
    parts = [f"{labels.verdict(verdict).label.lower()} in {verdicts.count(verdict)}"
             for verdict in in_legend_order(verdicts)]
    title = f"{', '.join(parts)} of {labels.count(len(rows), 'cycle')}" if parts else ""
    return title[:1].upper() + title[1:]


def _hover(row: ChangeRow, name: str) -> str:
    return (f"{name}<br>before {labels.number(row.baseline, 3)}, after {labels.number(row.tuned, 3)}<br>"
            f"change {labels.change(row.change, 3)} ({labels.change_interval(row, row.metric)})<br>"
            f"{labels.coverage(row.scored, row.asked)}")


def _bars(rows: Sequence[ChangeRow], color: str) -> dict[str, object]:
    def reach(row: ChangeRow, to: float | None) -> float:
        return 0.0 if to is None or row.change is None else abs(to - row.change)
    ends = [(row, *limits(row, row.metric)) for row in rows]
    return {"type": "data", "symmetric": False, "array": [reach(row, high) for row, _, high in ends],
            "arrayminus": [reach(row, low) for row, low, _ in ends], "color": color, "thickness": 2.5, "width": 8}

