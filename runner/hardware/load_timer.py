"""What this process has spent on loading: models, their libraries, weights put in order."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator

_clock = {"spent": 0.0, "depth": 0.0}


@contextlib.contextmanager
def time_loading() -> Iterator[None]:
    """Count the block as loading; inside another one it counts once.

    Python's garbage collector rests meanwhile: what a library defines stays, and to look it all through every time
    that some more of it is there took a quarter of the import of RAGAS, transformers and TRL.
    """
    rests = gc.isenabled()
    gc.disable()
    _clock["depth"] += 1
    began = time.monotonic()
    try:
        yield
    finally:
        _clock["depth"] -= 1
        if rests:
            gc.enable()
        if not _clock["depth"]:
            _clock["spent"] += time.monotonic() - began


def loading_seconds() -> float:
    """All of it so far."""
    return _clock["spent"]
