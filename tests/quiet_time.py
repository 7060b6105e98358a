"""Processor time of a block as it would be on a quiet machine, where other programs share cores, caches and clock."""

from __future__ import annotations

import statistics
import time


def _sample() -> float:
    """Return the time of this thread for a fixed piece of work, some milliseconds of it."""
    began = time.thread_time()
    found = {}
    for number in range(20_000):
        found[str(number)] = number
    return time.thread_time() - began


class QuietTime:
    """Scale processor time by how much slower than at its quickest a fixed piece of work is meanwhile."""

    def __init__(self) -> None:
        self._quickest = min(_sample() for _ in range(300))
        self._recent: list[float] = []

    def look(self) -> None:
        """Take samples of the machine's speed; call it before and after the block."""
        samples = [_sample() for _ in range(20)]
        self._recent = [*self._recent[-20:], *samples]
        self._quickest = min(self._quickest, *samples)

    def of(self, seconds: float) -> float:
        """Return the seconds that were measured between the last two looks as those of a quiet machine."""
        return seconds * self._quickest / statistics.median(self._recent)
