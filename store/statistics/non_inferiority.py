"""Non-inferiority: whether a student may replace its teacher, at a loss of less than a margin named before the run.

The difference is student minus teacher per question, with its 95% interval. The student *replaces* the teacher where
the whole interval is above minus the margin, and *falls short* where it is below. With several students the level is
shared among them (Bonferroni). A student that loses exactly the margin is so certified in about 2.5% of all tests.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy as sp

from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS, Mean, mean_of
from store.statistics.equivalence import min_pairs_within
from store.statistics.minimum_detectable_effect import POWER
from store.statistics.verdict import INCONCLUSIVE, NOT_MEASURED, TOO_FEW

REPLACES = "replaces"
FALLS_SHORT = "falls short"


@dataclass(frozen=True)
class NonInferiority:
    """A student against its teacher on the same questions; positive differences favour the student."""

    student: float | None
    teacher: float | None
    difference: float | None
    low: float | None
    high: float | None
    confidence: float
    """Of the interval: 0.95 for one student, more for each of several."""
    scored: int
    asked: int
    verdict: str
    """replaces, falls short, inconclusive, too few to say or not measured."""
    needed: int | None
    """Questions that certify a student that loses half the margin in 80% of all tests; None without an interval."""


def non_inferiority(student: Sequence[float | None], teacher: Sequence[float | None], clusters: Sequence[Hashable],
                    margin: float, better: int = 1, students: int = 1) -> NonInferiority:
    """Compare a student with its teacher, paired by question.

    Args:
        student: one score per question, None where missing.
        teacher: of the same questions, in the same order.
        clusters: each question's cluster, such as its passage.
        margin: the largest mean loss that does not matter, in the metric's unit, above 0.
        better: +1 if a higher score is better, -1 if a lower one is.
        students: number of students that are compared with this teacher.
    """
    confidence = 1 - (1 - CONFIDENCE) / students
    pairs = [(s, t, c) for s, t, c in zip(student, teacher, clusters, strict=True) if s is not None and t is not None]
    if not pairs:
        return NonInferiority(None, None, None, None, None, confidence, 0, len(student), NOT_MEASURED, None)
    own, others = (np.array([pair[at] for pair in pairs], dtype=float) for at in (0, 1))
    gains = np.round((own - others) * better, 12)
    mean = mean_of(gains, [cluster for _, _, cluster in pairs])
    low, high = mean.interval(confidence) if mean else (None, None)
    return NonInferiority(float(own.mean()), float(others.mean()), float(gains.mean()), low, high, confidence,
                          len(pairs), len(student), _verdict(low, high, len(pairs), margin),
                          questions_needed(margin, mean, len(pairs), confidence) if mean else None)


def _verdict(low: float | None, high: float | None, pairs: int, margin: float) -> str:
    if low is None or high is None or pairs < MIN_PAIRS:
        return TOO_FEW
    if high < -margin:
        return FALLS_SHORT
    return REPLACES if low > -margin and pairs >= min_pairs_within(margin) else INCONCLUSIVE


def questions_needed(margin: float, seen: Mean, pairs: int, confidence: float = CONFIDENCE) -> int:
    """Return how many questions certify a student that loses half the margin, with 80% power.

    The spread of a small test is itself uncertain: its upper 90% bound is used, so that the number suffices.

    Args:
        margin: as in `non_inferiority`.
        seen: the mean difference, with its error and skewness, as a test measured it.
        pairs: that test's number of questions.
        confidence: of the interval.
    """
    spread, half = _at_most(seen.error * math.sqrt(pairs), seen.df), margin / 2

    def certain(count: int) -> bool:
        error = spread / math.sqrt(count)
        then = dataclasses.replace(seen, error=error, df=count - 1, clusters=count)
        at_worst = half / error - float(sp.special.stdtrit(count - 1, POWER))
        reach = float(sp.special.stdtrit(count - 1, 0.5 + confidence / 2))
        return at_worst > 0 and then.transformed(at_worst) >= reach
    errors = float(sp.special.ndtri(0.5 + confidence / 2) + sp.special.ndtri(POWER))
    count = max(min_pairs_within(margin), math.floor((errors * spread / half) ** 2))
    while not certain(count):
        count += 1 + count // 500
    return count


def _at_most(spread: float, freedom: float) -> float:
    """Return the upper 90% bound of a standard deviation."""
    return spread * math.sqrt(freedom / float(sp.special.chdtri(freedom, 0.9)))
