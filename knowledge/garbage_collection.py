"""Pause Python's garbage collector while many objects are made that live on."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector for the block; nested blocks, and blocks of several threads, end with it as it was.

    It begins again and again while objects become more, and then finds none to remove among those that stay.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
