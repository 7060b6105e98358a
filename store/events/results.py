"""What a cycle showed: paired changes and the verdict on them."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event import Event


@dataclass(frozen=True)
class ChangeRecord:
    """The paired change of one metric on one tier (and topic, where one is named)."""

    tier: str
    metric: str
    topic: str
    """Empty for all topics together."""
    baseline: float | None
    tuned: float | None
    change: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    wins: int
    ties: int
    losses: int
    p_value: float | None
    """Exact two-sided sign test."""
    verdict: str


@dataclass(frozen=True)
class ArmsCompared(Event):
    """Baseline and tuned answers were compared, question by question."""

    changes: tuple[ChangeRecord, ...]
    verdict: str
    sentence: str


@dataclass(frozen=True)
class CycleFinished(Event):
    """A cycle ended. `work`: finished, not tuned (fine-tuning was off), no adapter (training failed)."""

    work: str
    verdict: str
    sentence: str
    adapter: str | None
    training_seconds: float | None
    seconds: float
