"""Exclude loaded libraries from garbage collection after the first page (`gc.freeze`).

The libraries' hundreds of thousands of objects live as long as the process. Without freezing, every full collection
traverses all of them while a page is being drawn.
"""

from __future__ import annotations

import functools
import gc


@functools.cache
def freeze_gc() -> None:
    """Freeze all current objects; later calls do nothing."""
    gc.freeze()
