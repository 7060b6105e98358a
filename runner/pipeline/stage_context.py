"""The interface of a stage: a plain function from its context to the events that it produces.

A stage writes no artifact, does not retry, sleep or catch errors: `executor.py` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.domain import Domain
from runner.hardware.utilization import UtilizationClock
from runner.pipeline.stage_checkpoints import Artifact, Header, PartialResults
from runner.pipeline.resources import RunResources
from store.events import Event, ForecastRegistered, MetricLogged, Recorded, StageProgressed
from store.run_config import RunConfig


class WaitsForReview(Exception):
    """The run goes on when people have reviewed its questions; until then it waits."""

    def __init__(self, questions: int, round: int) -> None:
        super().__init__(f"{questions} questions wait for a review")
        self.questions = questions
        """How many are undecided."""
        self.round = round


@dataclass
class ThroughputClock:
    """Measures the time of the items that this attempt itself processed.

    Items restored from an earlier attempt are excluded: timing starts at the first progress report, and again whenever
    the count does not increase.
    """

    clock: Callable[[], float] = time.monotonic
    _before: int = 0
    _last: int | None = None
    _since: float = 0.0

    def at(self, done: int) -> tuple[int, float]:
        """Return the number of items done when timing started, and the seconds since."""
        if self._last is None or done <= self._last:
            self._before, self._since = done, self.clock()
        self._last = done
        return self._before, self.clock() - self._since


@dataclass(frozen=True)
class StageContext:
    """Everything that a stage has access to."""

    run: str
    config: RunConfig
    cycle: int
    """0 for the stages of the run itself."""
    stage: str
    inputs: Mapping[str, Artifact]
    """Input artifacts, by name as in the table's `reads`; stages that the configuration disables are absent."""
    run_folder: Path
    header: Header
    resources: RunResources
    emit: Callable[[Event], None]
    """Record an event at once (metrics, progress); raises StopRequested after a cancel or pause."""
    recorded: Sequence[Recorded] = ()
    """The run's events before this attempt."""
    forecast: ForecastRegistered | None = None
    """What was forecast of this run before it started; None without a forecast."""
    leave_device: Callable[[], None] = field(default=lambda: None)
    """Leave the student to the stage that waits for it; returns when the judge's endpoint has no earlier stage."""
    running_seconds: Callable[[], float] = field(default=lambda: 0.0)
    """Seconds since this run began."""
    cycle_seconds: Callable[[], float] = field(default=lambda: 0.0)
    """Seconds since this cycle began."""
    throughput: ThroughputClock = field(default_factory=ThroughputClock)
    utilization: UtilizationClock = field(default_factory=UtilizationClock)

    @property
    def domain(self) -> Domain:
        return self.resources.domain_for(self.progress)

    @property
    def folder(self) -> Path:
        """The folder of this cycle."""
        return self.run_folder / f"cycle-{self.cycle:02d}"

    def partial_results(self) -> PartialResults:
        """Open the items of this stage that an earlier attempt finished."""
        return PartialResults(self.folder / f"{self.stage}.parts.jsonl", self.header)

    def progress(self, done: int, total: int, unit: str, detail: str = "") -> None:
        self.emit(StageProgressed(done, total, unit, detail, *self.throughput.at(done)))
        for reading in self.utilization.due():
            self.metric(reading.key, done, reading.value, reading.unit)

    def metric(self, key: str, step: int, value: float | None, unit: str = "") -> None:
        self.emit(MetricLogged(key, step, value, unit))


StageFunction = Callable[[StageContext], Sequence[Event]]
Fallback = Callable[[StageContext, str], Sequence[Event]]
"""Produces the events of a failed stage: missing values with the reason, never invented ones."""
