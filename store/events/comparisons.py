"""Events of a cycle's results: paired changes and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event
from store.events.questions import ReferenceRecord


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
    """For a topic: after Holm's correction over the topics."""
    clusters: int | None = None
    """Number of different passages behind the pairs. Like all below: None in comparisons that did not record it."""
    t_p_value: float | None = None
    """Two-sided p consistent with the interval."""
    adjusted_p: float | None = None
    """For a topic: `t_p_value` after Holm's correction over the topics; None below six pairs."""
    wilcoxon_p: float | None = None
    bootstrap_low: float | None = None
    """Cluster bootstrap interval over passages: a cross-check, not used for the verdict."""
    bootstrap_high: float | None = None
    effect: float | None = None
    """Paired effect size (Hedges' g): the change in standard deviations of the differences."""
    effect_low: float | None = None
    effect_high: float | None = None
    spread: float | None = None
    """The interval's standard error times the square root of the number of pairs: the input of power estimates."""
    freedom: float | None = None
    """Degrees of freedom of the interval."""


@dataclass(frozen=True)
class ArmsCompared(Event, event_type="ArmsCompared"):
    """Baseline and tuned scores were compared, paired by question."""

    changes: tuple[ChangeRecord, ...]
    verdict: str
    sentence: str
    of_cycle: int | None = None
    """The cycle whose student was compared, where that is not the cycle in which the stage ran."""


@dataclass(frozen=True)
class CandidateRecord:
    """The score of one cycle's student on the development questions."""

    cycle: int
    value: float | None
    scored: int


@dataclass(frozen=True)
class CycleChosen(Event, event_type="CycleChosen"):
    """The cycle whose student answers the test was chosen on the development questions, before the test was asked."""

    cycle: int
    metric: str
    candidates: tuple[CandidateRecord, ...]
    reason: str
    """One sentence."""


@dataclass(frozen=True)
class CycleFinished(Event, event_type="CycleFinished"):
    """A cycle ended. `work`: `finished`, `not tuned` (fine-tuning was off) or `no adapter` (training failed)."""

    work: str
    verdict: str
    sentence: str
    adapter: str | None
    training_seconds: float | None
    seconds: float


@dataclass(frozen=True)
class AgreementRecord:
    """How near another teacher's references are to the run's own, on one tier by one metric."""

    tier: str
    metric: str
    mean: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int


@dataclass(frozen=True)
class RescoredRecord:
    """The paired change of one metric on one tier, scored against another teacher's references."""

    cycle: int
    tier: str
    metric: str
    baseline: float | None
    tuned: float | None
    change: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int
    verdict: str


@dataclass(frozen=True)
class TeachersCompared(Event, event_type="TeachersCompared"):
    """Another teacher wrote references to the run's questions, and its answers were scored against them.

    The run's own references, scores and verdict stay as they are.
    """

    teacher: str
    """The other teacher."""
    of: str
    """The run's own teacher."""
    references: tuple[ReferenceRecord, ...]
    """Without distractors, which only a score by likelihood needs."""
    agreement: tuple[AgreementRecord, ...]
    changes: tuple[RescoredRecord, ...]
    calls: int
    """Calls to the other teacher for this run so far; each stored reply counts once."""
    tokens: int
    cost_usd: float | None
