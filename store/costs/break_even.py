"""The break-even volume: from how many answers on a student is cheaper than its teacher. Pure."""

from __future__ import annotations

import math


def break_even(making_usd: float | None, teacher_per_1000: float | None,
               student_per_1000: float | None) -> int | None:
    """Return from how many answers on the student is cheaper, what it cost to make included.

    None where a price is not known, and where the student's answers are no cheaper than the teacher's.
    """
    if making_usd is None or teacher_per_1000 is None or student_per_1000 is None:
        return None
    saved = (teacher_per_1000 - student_per_1000) / 1000
    return math.ceil(making_usd / saved) if saved > 0 else None
