"""Show a run's progress in a terminal, read from the store: stage, items done, loss, time remaining.

A terminal gets one live line; other outputs get one line per finished stage, so that a log stays readable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.text import Text

from store import queries
from store.database import Store
from store.events import RecoveryTaken

POLL_SECONDS = 0.25
LONG_WAIT_SECONDS = 5.0
"""Shorter waits for an endpoint are not printed."""


def follow(store: Store, run_id: str, console: Console, tick: Callable[[], None] = lambda: None) -> queries.Run:
    """Show a run until it is no longer active, and return it; `tick` is called at every poll."""
    shown: set[tuple[int, str, str]] = set()
    announced = queries.latest_event(store, run_id)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            tick()
            run = queries.find_run(store, run_id)
            assert run is not None
            _print_new_stages(store, run, shown, console)
            announced = _print_new_waits(store, run, announced, console)
            if not run.active:
                return run
            if console.is_terminal:
                live.update(Text(progress_line(store, run)))
            time.sleep(POLL_SECONDS)


def progress_line(store: Store, run: queries.Run) -> str:
    """Return a run's progress as one line."""
    if run.work == "queued":
        return f"{run.id}: queued, waiting for a runner"
    if run.work == queries.WAITING:
        return f"  {run.stage} | " + _waiting_for(store, run)
    parts = [f"cycle {run.cycle}/{run.config.cycles}" if run.cycle else "run", run.stage or "starting"]
    if run.total:
        parts.append(f"{run.done} of {run.total} {run.unit}")
    parts += [text for text in (run.detail, _time_left(run)) if text]
    return "  " + " | ".join(parts)


def _waiting_for(store: Store, run: queries.Run) -> str:
    """Return the batches that a run waits for; one of another run with its id."""
    own = queries.open_batches(store, run.id)
    awaited = None if own else queries.awaited_batch(store, run.id)
    return "; ".join(batch.sentence() for batch in own) or (
        f"{awaited.sentence()}, of run {awaited.run} with the same calls" if awaited else "")


def _time_left(run: queries.Run) -> str:
    """Return the stage's remaining time at its throughput so far; empty until that is known."""
    left = run.stage_seconds_left(datetime.now(UTC))
    return f"{_duration(left)} left" if left else ""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _print_new_waits(store: Store, run: queries.Run, after: int, console: Console) -> int:
    """Print long waits that began after an event: why, and until when. Returns the number of the newest event seen."""
    new = [entry for entry in queries.incidents(store, run.id, limit=10) if entry.id > after]
    for entry in reversed(new):
        event = entry.event
        if isinstance(event, RecoveryTaken) and event.wait_seconds >= LONG_WAIT_SECONDS:
            until = entry.at + timedelta(seconds=event.wait_seconds)
            console.print(f"           waits until {until:%Y-%m-%d %H:%M:%S} UTC ({event.kind}): {event.message}",
                          highlight=False, markup=False)
    return max([after, *(entry.id for entry in new)])


def _print_new_stages(store: Store, run: queries.Run, shown: set[tuple[int, str, str]], console: Console) -> None:
    titles = {row.stage: row.title for row in run.flow}
    for stage in queries.stages_of(store, run.id):
        key = (stage.cycle, stage.stage, stage.work)
        if key in shown or stage.work == "running":
            continue
        shown.add(key)
        where = f"cycle {stage.cycle}" if stage.cycle else "run"
        mark = "done" if stage.work == "finished" else "FAILED"
        seconds = "" if stage.seconds is None else f"{stage.seconds:7.1f} s"
        console.print(f"  {where:8} {titles.get(stage.stage, stage.stage):34} {mark:6} {seconds}", highlight=False)
        if stage.error:
            console.print(f"           {stage.error}", highlight=False, markup=False)
