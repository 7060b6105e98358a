"""Scores before and after training as a dumbbell plot; and the paired change with its confidence interval."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.figures.axes import axis_title, is_proportion
from dashboard.figures.row_chart import Mark, Row, row_chart
from dashboard.figures.verdict_marks import in_legend_order, verdict_mark
from dashboard.style import labels, theme
from store.axis_scale import AxisScale
from store.formatting import limits
from store.metrics import METRICS
from store.queries import ChangeRow


def before_after(alt: str, rows: Sequence[ChangeRow], metric: str, row_names: Sequence[str] | None = None,
                 same_set: Sequence[Sequence[int]] | None = None) -> str:
    """Per row, an open dot (untrained) and a filled dot (fine-tuned), joined, with both scores.

    Args:
        alt: name of the chart for screen readers.
        row_names: labels of the rows; by default their cycles.
        same_set: groups of row positions with the same questions; a line divides rows that are in none together.
    """
    names = row_names or [labels.cycle(row.cycle) for row in rows]
    drawn: list[Row] = []
    ends: list[float] = []
    above: int | None = None
    for at, (name, row) in enumerate(zip(names, rows, strict=True)):
        if row.baseline is None or row.tuned is None:
            continue
        marks = (Mark("bar", theme.RULE, row.baseline, row.tuned), Mark("ring", theme.BASELINE, row.baseline),
                 Mark("dot", theme.TUNED, row.tuned))
        drawn.append(Row(name, marks, f"{labels.number(row.baseline)} → {labels.number(row.tuned)}",
                         _hover(row, name), apart=above is not None and _is_apart(at, above, same_set)))
        above = at
        ends += [row.baseline, row.tuned]
    low, high = (0.0, 1.0) if is_proportion(ends, metric) else (min(ends, default=0.0), max(ends, default=1.0))
    legend = [("ring", theme.BASELINE, "before (untrained)"), ("dot", theme.TUNED, "after (fine-tuned)")]
    return row_chart(alt, _score_title(rows, metric), legend, drawn, AxisScale(low, high, 0, 100), axis_title(metric))


def paired_change(alt: str, rows: Sequence[ChangeRow], metric: str, row_names: Sequence[str] | None = None) -> str:
    """The mean paired change with its 95% interval; grey where no change is shown."""
    names = row_names or [labels.cycle(row.cycle) for row in rows]
    drawn: list[Row] = []
    ends = [0.0]
    for name, row in zip(names, rows, strict=True):
        if row.change is None:
            continue
        mark = verdict_mark(row.verdict, "up", "down")
        low, high = limits(row, metric)
        bar = [] if low is None or high is None else [Mark("interval", mark.color, low, high)]
        drawn.append(Row(name, [*bar, Mark(mark.symbol, mark.color, row.change)],
                         f"{labels.change(row.change)} ({labels.change_interval(row, metric)})", _hover(row, name)))
        ends += [end for end in (row.change, low, high) if end is not None]
    known = {mark.name: (mark.symbol, mark.color) for mark in (
        verdict_mark(verdict, "up", "down") for verdict in in_legend_order([
            row.verdict for row in rows if row.change is not None]))}
    better = METRICS[metric].better if metric in METRICS else 1
    return row_chart(alt, _verdict_title([row for row in rows if row.change is not None]),
                     [(*drawn_as, name) for name, drawn_as in known.items()], drawn,
                     AxisScale(min(ends), max(ends), 0, 100), "fine-tuned − untrained, with 95% interval" + (
                         " (below 0 is better)" if better < 0 else ""), zero_line=True)


def _is_apart(at: int, above: int, same_set: Sequence[Sequence[int]] | None) -> bool:
    """Whether a row has other questions than the one above it; False where nothing is known of that."""
    return same_set is not None and not any(at in group and above in group for group in same_set)


def _score_title(rows: Sequence[ChangeRow], metric: str) -> str:
    """Chart title: the metric and, for one run, the last row's scores before and after."""
    scored = [row for row in rows if row.baseline is not None and row.tuned is not None]
    last = scored[-1:] if len({row.run for row in scored}) == 1 else []
    return labels.metric_short(metric) + "".join(
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
    return (f"{name}\nbefore {labels.number(row.baseline, 3)}, after {labels.number(row.tuned, 3)}\n"
            f"change {labels.change(row.change, 3)} ({labels.change_interval(row, row.metric)})\n"
            f"{labels.coverage(row.scored, row.asked)}")
