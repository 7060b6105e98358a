"""Events of a run's forecast: registered before the run starts, scored when it has ended."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class PilotRecord:
    """One pilot, as the forecast saw it."""

    run: str
    size: int
    """Training questions in all."""
    change: float
    error: float
    """Standard error of the change over questions."""
    freedom: float
    pairs: int
    baseline: float


@dataclass(frozen=True)
class ForecastRegistered(Event, event_type="ForecastRegistered"):
    """The change that this run will measure was forecast from pilots, before the run started."""

    group: str
    """The pilots' group."""
    metric: str
    tier: str
    size: int
    """Training questions of this run in all."""
    questions: int
    """Questions of its headline test."""
    change: float
    low: float
    high: float
    confidence: float
    margin: float
    """The smallest change that matters, in the metric's unit."""
    stop: bool
    """Whether even the interval's better end is no improvement of the margin."""
    pilots: tuple[PilotRecord, ...]


@dataclass(frozen=True)
class ForecastScored(Event, event_type="ForecastScored"):
    """The run has ended, and what it measured was compared with its forecast."""

    change: float | None
    """None where the run measured none."""
    held: bool | None
    """Whether the measured change lies in the interval; None without one."""
