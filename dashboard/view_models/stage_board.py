"""The stage board of a run: one cell per stage and cycle with its state and time. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.view_models.time_remaining import Remaining
from store.queries import Cycle, Run, StageState

EVERY_CYCLE = "every cycle"
PENDING, LEFT_OUT, STOPPED, CANCELLED = "pending", "left out", "stopped", "cancelled"


@dataclass(frozen=True)
class Cell:
    """One stage of one cycle; cycle 0 is the run itself."""

    cycle: int
    stage: str
    title: str
    doer: str
    state: str
    """pending, running, stopped (runner disconnected or run paused), cancelled, finished, failed, or left out."""
    seconds: float | None
    share_done: float | None
    error: str | None
    seconds_left: float | None = None
    """Of the running stage, at its current speed."""
    counted: str = ""
    """Items done and total, such as 30/60; not a percentage, because there may be few."""


@dataclass(frozen=True)
class Phase:
    """The stages before the cycles, of one cycle, or after them."""

    name: str
    cells: tuple[Cell, ...]


def phases(cells: Sequence[Cell]) -> list[Phase]:
    """Group the cells, which are in execution order, by phase."""
    found: dict[str, list[Cell]] = {}
    outside = "Before"
    for cell in cells:
        outside = "After" if cell.cycle else outside
        found.setdefault(f"Cycle {cell.cycle}" if cell.cycle else outside, []).append(cell)
    return [Phase(name, tuple(members)) for name, members in found.items()]


def board(run: Run, stages: Sequence[StageState], cycles: Sequence[Cycle], now: datetime | None = None) -> list[Cell]:
    """All cells in execution order; empty until a runner has recorded the run's stages."""
    known = {(state.cycle, state.stage): state for state in stages}
    ended = {cycle.cycle for cycle in cycles if cycle.work != "running"}
    over = run.work in ("finished", "failed", "cancelled")
    cells = []
    for number, stage, title, doer in _execution_order(run):
        state = known.get((number, stage))
        cells.append(_cell(run, number, stage, title, doer, state, number in ended or over, now or datetime.now(UTC)))
    return cells


def remaining(cells: Sequence[Cell]) -> list[Remaining]:
    """The unfinished stages, as input of the time estimate."""
    return [Remaining(cell.stage, cell.share_done or 0.0, cell.seconds or 0.0, cell.seconds_left, cell.cycle)
            for cell in cells if cell.state in (PENDING, STOPPED, "running")]


def share_done(cells: Sequence[Cell]) -> float:
    """Share of finished stages, 0 to 1, with the running stage counted in part; stages left out are not done."""
    if not cells:
        return 0.0
    done = sum(1.0 if cell.state == "finished" else cell.share_done or 0.0 for cell in cells)
    return done / len(cells)


def _execution_order(run: Run) -> list[tuple[int, str, str, str]]:
    before = [row for row in run.flow if row.phase != EVERY_CYCLE]
    first = next((at for at, row in enumerate(run.flow) if row.phase == EVERY_CYCLE), len(run.flow))
    opening, closing = before[:first], before[first:]
    cycles = range(1, run.config.cycles + 1)
    every = [(number, row) for number in cycles for row in run.flow if row.phase == EVERY_CYCLE]
    order = [(0, row) for row in opening] + every + [(0, row) for row in closing]
    return [(number, row.stage, row.title, row.doer) for number, row in order]


def _cell(run: Run, cycle: int, stage: str, title: str, doer: str, state: StageState | None, passed: bool,
          now: datetime) -> Cell:
    if state is None:
        return Cell(cycle, stage, title, doer, LEFT_OUT if passed else PENDING, None, None, None)
    current = (run.cycle or 0, run.stage) == (cycle, stage)
    share = run.done / run.total if current and run.done is not None and run.total else None
    seconds = state.seconds
    if state.work == "running":
        # A stage whose runner is gone ended with the run's last event.
        until = now if run.work == "running" else run.last_event_at or now
        seconds = (until - state.started_at).total_seconds()
    at_work = state.work == "running"
    halted = CANCELLED if run.work == "cancelled" else STOPPED
    shown = halted if at_work and run.work != "running" else state.work
    left = run.stage_seconds_left(now) if current and shown == "running" else None
    counted = f"{run.done}/{run.total}" if share is not None and at_work else ""
    return Cell(cycle, stage, title, doer, shown, seconds, share if at_work else None, state.error, left, counted)
