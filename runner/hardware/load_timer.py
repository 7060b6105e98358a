"""Time that a thread has spent on loading: importing libraries, loading models, packing weights."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from knowledge.garbage_collection import collection_paused


class _Clock(threading.local):
    """Each thread's own, because stages may run at the same time."""

    spent = 0.0
    depth = 0


_clock = _Clock()
_one_at_a_time = threading.RLock()
"""Held while a thread loads: two that import libraries which import each other would see them half initialised."""


@contextlib.contextmanager
def time_loading() -> Iterator[None]:
    """Count the block as loading time; nested blocks count once, and other threads wait to load.

    The garbage collector is off meanwhile: objects of a library stay alive, and scanning them again and again took a
    quarter of the import time of RAGAS, transformers and TRL.
    """
    with _one_at_a_time, collection_paused():
        _clock.depth += 1
        began = time.monotonic()
        try:
            yield
        finally:
            _clock.depth -= 1
            if not _clock.depth:
                _clock.spent += time.monotonic() - began


def loading_seconds() -> float:
    """This thread's total so far."""
    return _clock.spent
