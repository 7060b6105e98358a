"""Downsample and smooth long time series to what a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
MAX_POINTS = 800
"""Maximum points per chart: about what a screen can resolve; each further point costs time at every refresh."""


def downsample(values: Sequence[T], most: int) -> list[T]:
    """Every n-th value and the last one, so that about `most` remain; all values if there are no more than `most`."""
    every = -(-len(values) // max(1, most))
    if every <= 1:
        return list(values)
    return [*values[:-1:every], values[-1]]


def moving_average(values: Sequence[float], weight: float = 0.7) -> list[float]:
    """Bias-corrected exponential moving average: the first values are not pulled towards zero."""
    mean, out = 0.0, []
    for count, value in enumerate(values, start=1):
        mean = weight * mean + (1 - weight) * value
        out.append(mean / (1 - weight**count))
    return out
