"""What a stage is: a plain function from its context to the events that it tells.

A stage writes no file, retries nothing, sleeps never and catches no error: `executor.py` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.domain import Domain
from runner.pipeline.artifacts import Artifact, Header, PartialResults
from runner.pipeline.resources import RunResources
from store.events import Event, MetricLogged, StageProgressed
from store.run_config import RunConfig


@dataclass
class ThroughputClock:
    """How long an attempt has taken for what it has done itself: what an earlier one left says nothing of its speed.

    The clock begins with the first word of an attempt, and anew wherever the count does not rise.
    """

    clock: Callable[[], float] = time.monotonic
    _before: int = 0
    _last: int | None = None
    _since: float = 0.0

    def at(self, done: int) -> tuple[int, float]:
        """Items that were there when the clock began, and the seconds since."""
        if self._last is None or done <= self._last:
            self._before, self._since = done, self.clock()
        self._last = done
        return self._before, self.clock() - self._since


@dataclass(frozen=True)
class StageContext:
    """All that a stage may know and touch."""

    run: str
    config: RunConfig
    cycle: int
    """0 for the stages of the run itself."""
    stage: str
    inputs: Mapping[str, Artifact]
    """By name as in the table's `reads`; what a run's configuration leaves out of the table is absent here."""
    run_folder: Path
    header: Header
    resources: RunResources
    emit: Callable[[Event], None]
    """Tell at once (numbers, progress); raises StopRequested when a person asked to stop."""
    running_seconds: Callable[[], float] = field(default=lambda: 0.0)
    """Time since this run began, and since this cycle began: for the closing events."""
    cycle_seconds: Callable[[], float] = field(default=lambda: 0.0)
    pace: ThroughputClock = field(default_factory=ThroughputClock)

    @property
    def domain(self) -> Domain:
        return self.resources.domain

    @property
    def folder(self) -> Path:
        """This cycle's folder."""
        return self.run_folder / f"cycle-{self.cycle:02d}"

    def parts(self) -> PartialResults:
        """Items of this stage that an earlier attempt finished."""
        return PartialResults(self.folder / f"{self.stage}.parts.jsonl", self.header)

    def progress(self, done: int, total: int, unit: str, detail: str = "") -> None:
        self.emit(StageProgressed(done, total, unit, detail, *self.pace.at(done)))

    def metric(self, key: str, step: int, value: float | None, unit: str = "") -> None:
        self.emit(MetricLogged(key, step, value, unit))


StageFunction = Callable[[StageContext], Sequence[Event]]
Fallback = Callable[[StageContext, str], Sequence[Event]]
"""What stands in the place of a stage that could not be done: missing values with the reason, never made-up ones."""
