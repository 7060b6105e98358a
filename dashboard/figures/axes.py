"""Axis title and range of a metric."""

from __future__ import annotations

from collections.abc import Sequence

from store.metrics import METRICS, NATS


def axis_title(metric: str) -> str:
    """The metric's unit, with a note where lower is better."""
    measure = METRICS.get(metric)
    return measure.unit + (", lower is better" if measure.better < 0 else "") if measure else metric


def axis_span(values: Sequence[float | None], metric: str) -> list[float] | None:
    """A fixed range around 0 to 1 for proportions, so that a small change looks small; None (automatic) for others."""
    measure = METRICS.get(metric)
    if measure is None or measure.unit == NATS or any(value is not None and not 0 <= value <= 1 for value in values):
        return None
    return [-0.08, 1.12]
