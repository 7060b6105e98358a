"""What this process has spent on loading: models, their libraries, weights put in order. A clock, and nothing else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

_clock = {"spent": 0.0, "depth": 0.0}


@contextlib.contextmanager
def time_loading() -> Iterator[None]:
    """Count the block as loading; inside another one it counts once."""
    _clock["depth"] += 1
    began = time.monotonic()
    try:
        yield
    finally:
        _clock["depth"] -= 1
        if not _clock["depth"]:
            _clock["spent"] += time.monotonic() - began


def seconds_loading() -> float:
    """All of it so far."""
    return _clock["spent"]
