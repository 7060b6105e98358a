"""Decide whether a run meets a requirement such as "no worse than BASELINE by 0.03", from the confidence interval.

A requirement holds only if the whole interval is on its side of the limit, fails only if the whole interval is on the
other side, and is inconclusive otherwise: an interval that crosses the limit decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from store.metrics import METRICS
from store.statistics.clustered_interval import MIN_PAIRS

HOLDS, FAILS, INCONCLUSIVE = "holds", "fails", "inconclusive"
UNTRAINED = "untrained"
"""The baseline that stands for the run's own student before training."""

FORM = "[METRIC] (no worse | better) than (untrained | RUN[:CYCLE]) [by NUMBER]"
_PATTERN = re.compile(r"(?:(?P<metric>[a-z_]+)\s+)?(?P<kind>no worse|better)\s+than\s+(?P<baseline>\S+)"
                      r"(?:\s+by\s+(?P<limit>\d*\.?\d+))?", re.IGNORECASE)


class MeasuredChange(Protocol):
    """A change with its confidence interval, in the metric's unit."""

    @property
    def baseline(self) -> float | None: ...
    @property
    def tuned(self) -> float | None: ...
    @property
    def change(self) -> float | None: ...
    @property
    def scored(self) -> int: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


class InvalidRequirement(ValueError):
    """The requirement cannot be read; the message says why."""


@dataclass(frozen=True)
class Requirement:
    """What a run must be compared with a baseline, by one metric."""

    text: str
    metric: str
    """Empty: the run's headline metric."""
    kind: str
    """"no worse" or "better"."""
    baseline: str
    """`UNTRAINED`, or a run with or without a cycle."""
    limit: float
    """In the metric's unit, 0 or more: how much worse is allowed, or how much better is demanded."""


def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        InvalidRequirement: it is not of the form of `FORM`, or names no known metric.
    """
    found = _PATTERN.fullmatch(" ".join(text.split()))
    if found is None:
        raise InvalidRequirement(f"requirement {text!r}: write it as {FORM}")
    metric = (found["metric"] or "").lower()
    if metric and metric not in METRICS:
        raise InvalidRequirement(f"requirement {text!r}: no metric {metric!r}; there are {', '.join(METRICS)}")
    return Requirement(" ".join(text.split()), metric, found["kind"].lower(), found["baseline"],
                       float(found["limit"] or 0.0))


def outcome_of(requirement: Requirement, change: MeasuredChange, metric: str) -> str:
    """Return `HOLDS`, `FAILS` or `INCONCLUSIVE` for the change from the baseline to the run, by this metric."""
    if change.scored < MIN_PAIRS or change.low is None or change.high is None:
        return INCONCLUSIVE
    better = METRICS[metric].better
    low, high = sorted((change.low * better, change.high * better))
    limit = requirement.limit if requirement.kind == "better" else -requirement.limit
    if requirement.kind == "better":
        return HOLDS if low > limit else FAILS if high <= limit else INCONCLUSIVE
    return HOLDS if low >= limit else FAILS if high < limit else INCONCLUSIVE
