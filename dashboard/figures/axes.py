"""Axis title and range of a metric."""

from __future__ import annotations

from collections.abc import Sequence

from store.metrics import METRICS, NATS


def axis_title(metric: str) -> str:
    """The metric's unit, with a note where lower is better."""
    measure = METRICS.get(metric)
    return measure.unit + (", lower is better" if measure.better < 0 else "") if measure else metric


def is_proportion(values: Sequence[float | None], metric: str) -> bool:
    """Whether the metric is a share and all values lie in 0 to 1, so that the axis shows all of that."""
    measure = METRICS.get(metric)
    return (measure is not None and measure.unit != NATS
            and all(value is None or 0 <= value <= 1 for value in values))


def axis_span(values: Sequence[float | None], metric: str) -> list[float] | None:
    """A fixed range around 0 to 1 for proportions, so that a small change looks small; None (automatic) for others."""
    return [-0.08, 1.12] if is_proportion(values, metric) else None
