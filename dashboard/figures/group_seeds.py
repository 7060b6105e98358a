"""Group of runs: each seed as a dot, and the mean of each combination of settings with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from store.analysis.group_result import Combination, GroupChange
from store.metrics import METRICS

_GAP = 0.18
"""Distance of a row's mean from its middle, in rows."""
_STAGGER = 0.1
"""Distance between neighbouring dots of a row, so that equal seeds do not hide each other."""


def group_seeds(combinations: Sequence[Combination], metric: str, tier: str) -> go.Figure:
    """Return one row per combination with results: open dots are seeds, the bar is the 95% interval of the mean.

    Right of zero is better for every metric.
    """
    found = [(one, change) for one in combinations if (change := one.change(tier, metric)) is not None
             and change.found.pooled.change is not None]
    better = METRICS[metric].better if metric in METRICS else 1
    figure = go.Figure()
    dots = [(better * value, row + _GAP / 2 + _STAGGER * (at % 3), _seed_hover(one, at, value))
            for row, (one, change) in enumerate(found) for at, value in enumerate(change.found.seed_changes)]
    figure.add_scatter(
        x=[dot[0] for dot in dots], y=[dot[1] for dot in dots], mode="markers", name="one seed each",
        marker={"symbol": "circle-open", "size": 11, "color": theme.TUNED, "line": {"width": 2}},
        customdata=[dot[2] for dot in dots], hovertemplate="%{customdata}<extra></extra>")
    figure.add_scatter(
        x=[better * (change.found.pooled.change or 0.0) for _, change in found],
        y=[row - _GAP for row in range(len(found))], mode="markers", name="mean, 95% interval",
        marker={"symbol": "diamond", "size": 13, "color": theme.BASELINE},
        error_x=_bars([change for _, change in found], better),
        customdata=[_mean_hover(one, change) for one, change in found], hovertemplate="%{customdata}<extra></extra>")
    figure.add_vline(x=0, line={"color": theme.INCONCLUSIVE, "width": 1.5, "dash": "dot"})
    figure.update_yaxes(tickvals=list(range(len(found))), ticktext=[theme.tick(one.label) for one, _ in found],
                        range=[len(found) - 0.5, -0.5], showgrid=False, zeroline=False)
    figure.update_xaxes(title="gain: right of 0 is better", zeroline=False)
    return theme.apply_theme(figure, 70 * len(found) + 130, "Seed by seed")


def _seed_hover(one: Combination, at: int, value: float) -> str:
    run = one.pooled[at]
    return theme.escaped(f"{run.title}: seed {run.config.seed_of_training}, change {labels.change(value, 3)}")


def _mean_hover(one: Combination, change: GroupChange) -> str:
    pooled = change.found.pooled
    return (f"{theme.escaped(one.label)}<br>mean of {labels.count(len(one.pooled), 'seed')}: "
            f"{labels.change(pooled.change, 3)} ({labels.interval(pooled.low, pooled.high)})<br>"
            f"{labels.verdict(change.verdict).label}")


def _bars(changes: Sequence[GroupChange], better: int) -> dict[str, object]:
    """Return the interval's ends as distances from the mean; none where there is no interval."""
    def reach(change: GroupChange, to: float | None) -> float:
        mean = change.found.pooled.change
        return 0.0 if to is None or mean is None else abs(to - mean)

    ends = [(change.found.pooled.low, change.found.pooled.high)[::better] for change in changes]
    return {"type": "data", "symmetric": False, "color": theme.BASELINE, "thickness": 2.5, "width": 7,
            "array": [reach(change, high) for change, (_, high) in zip(changes, ends, strict=True)],
            "arrayminus": [reach(change, low) for change, (low, _) in zip(changes, ends, strict=True)]}
