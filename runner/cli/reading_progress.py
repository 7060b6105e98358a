"""Show on standard error how far the reading of documents is, where it takes longer than a moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from knowledge.documents import ReadingProgress
from store.formatting import duration

FIRST_SECONDS, LIVE_SECONDS, LOG_SECONDS = 2.0, 0.5, 30.0
"""When a line is shown first, and how often then: in a terminal, where it is replaced, and elsewhere."""


def show_reading() -> Callable[[ReadingProgress], None]:
    """Return what takes the progress and prints it; it begins to count now."""
    started = time.monotonic()
    shown = started + FIRST_SECONDS - LIVE_SECONDS

    def show(progress: ReadingProgress) -> None:
        nonlocal shown
        now, live = time.monotonic(), sys.stderr.isatty()
        if now - shown >= (LIVE_SECONDS if live or shown < started + FIRST_SECONDS else LOG_SECONDS):
            shown = now
            line = f"  {progress.sentence()}, {duration(now - started)}"
            print(f"\r\x1b[K{line}" if live else line, end="" if live else "\n", file=sys.stderr, flush=True)
        if progress.done and live and shown > started + FIRST_SECONDS:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return show
