"""Once, when the first page stands: what is loaded by then stays for as long as the process does.

Hundreds of thousands of objects of the libraries are among it. Without this, each full collection of garbage walks
all of them, and whatever page is being drawn waits for that.
"""

from __future__ import annotations

import functools
import gc


@functools.cache
def freeze_gc() -> None:
    """Take what is there out of what the collector looks through; later calls do nothing."""
    gc.freeze()
