"""Everyday questions whose answers by the untrained student are replayed in training, against forgetting.

None is a near-duplicate of the general-knowledge questions (`general_questions.md`), which measure what is forgotten.
"""

from __future__ import annotations

import functools
from pathlib import Path

FILE = Path(__file__).parent / "replay_questions.md"


@functools.cache
def replay_questions() -> tuple[str, ...]:
    """The questions, in their fixed order."""
    return tuple(line.strip() for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip())
