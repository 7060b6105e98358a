"""CPU, GPU and memory in use now, measured at most every few seconds: what the page Live shows of a running worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psutil

from runner.hardware.process_memory import loaded_cuda

EVERY_SECONDS = 5.0


class Reading(NamedTuple):
    """One measured value of a series."""

    key: str
    value: float
    unit: str


class UtilizationClock:
    """Measures this process and its children at most every `EVERY_SECONDS`; the first call only starts the clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._measured_at: float | None = None
        self._cpu_seconds = 0.0

    def due(self) -> list[Reading]:
        """Return new readings, or nothing while the last ones are recent."""
        now = self._clock()
        if self._measured_at is not None and now - self._measured_at < EVERY_SECONDS:
            return []
        before, self._measured_at, used = self._measured_at, now, self._cpu_seconds
        resident, self._cpu_seconds = _process_tree()
        if before is None:
            return []
        cores = psutil.cpu_count() or 1
        share = max(0.0, self._cpu_seconds - used) / (now - before) / cores
        return [Reading("cpu_percent", 100 * min(1.0, share), "% of all cores"),
                Reading("resident_bytes", float(resident), "bytes"), *_gpu()]


def _process_tree() -> tuple[int, float]:
    """Resident bytes and CPU seconds of this process and its children; one that has just ended is left out."""
    resident, seconds = 0, 0.0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            times = process.cpu_times()
            resident += process.memory_info().rss
        except psutil.Error:
            continue
        seconds += times.user + times.system
    return resident, seconds


def _gpu() -> Iterator[Reading]:
    """GPU memory and use, only if torch is imported and uses a GPU; the use only where NVML is installed."""
    cuda = loaded_cuda()
    if cuda is None:
        return
    yield Reading("gpu_allocated_bytes", float(cuda.memory_allocated()), "bytes")
    try:
        yield Reading("gpu_percent", float(cuda.utilization()), "%")
    except (ModuleNotFoundError, RuntimeError):
        return
