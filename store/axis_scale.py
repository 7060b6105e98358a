"""Map values to positions along an axis, with a margin at both ends and round ticks."""

from __future__ import annotations

import math


class AxisScale:
    """Map values between `low` and `high` to positions between `left` and `right`."""

    def __init__(self, low: float, high: float, left: float, right: float) -> None:
        margin = (high - low or 1.0) * 0.08
        self.low, self.high, self.left, self.right = low - margin, high + margin, left, right

    def __call__(self, value: float) -> float:
        """The position of a value."""
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)

    def ticks(self, at_most: int = 5) -> list[float]:
        """Round values along the axis, about so many."""
        raw = (self.high - self.low) / at_most
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(unit * nice for nice in (1, 2, 5, 10) if unit * nice >= raw)
        first = math.ceil(self.low / step)
        return [round(step * at, 10) for at in range(first, math.floor(self.high / step) + 1)]
