"""What pages and runners ask for as events grow: as many runs and cycles each time, and a million events at last.

Each question is asked of every store in turn, so that what else the machine does meets them alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.service.supervisor import Supervisor
from store import commands, queries
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import MetricLogged
from store.paths import Paths
from tests.bench.row import Row
from tests.bench.seeded_store import Size, run_name, seed
from tests.plain_runs import plain_run

ROUNDS = 200
CYCLES, ANSWERS = 1_000, 50_000
EVENTS = (25_000, 100_000, 1_000_000)
"""The first is about as few as a thousand cycles tell without any series of numbers."""


@dataclass
class Place:
    """A seeded store, a runner on it that finds nothing to do, and a journal of a run of its own."""

    store: Store
    events: int
    seconds: float
    runner: Supervisor
    journal: Journal
    step: int = 0

    def append(self) -> None:
        """One number, durably."""
        self.step += 1
        self.journal.append(MetricLogged("loss", self.step, 1.0, "nats"), cycle=1, stage="fine-tune")


def measure_large_store() -> list[Row]:
    """Medians in milliseconds; the ratio is a store's against that with the fewest events."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [_seeded(Path(folder) / str(events), events) for events in EVENTS]
        rows = [Row("make the store: a million events, read models rebuilt from them", paths[-1].seconds, "s")]
        for what, ask, goal in _QUESTIONS:
            took = _milliseconds(paths, ask)
            rows += [Row(f"{what}, {place.events:,} events", found, "ms", found / took[0],
                         f"{paths[0].events:,} events", goal) for place, found in zip(paths, took, strict=True)]
        for place in paths:
            place.runner.close()
            place.store.close()
    return rows


_QUESTIONS: tuple[tuple[str, Callable[[Place], object], str], ...] = (
    ("a page's tick with nothing new", lambda place: queries.last_event_id(place.store, run_name(50)), "< 1 ms"),
    ("a runner's tick with nothing to do", lambda place: place.runner.tick(), "< 1 ms"),
    ("the state of a run", lambda place: queries.find_run(place.store, run_name(50)), "< 1 ms"),
    ("the overview's query: all runs", lambda place: queries.all_runs(place.store), "< 10 ms"),
    ("a run's cycles", lambda place: queries.cycles_of(place.store, run_name(50)), ""),
    ("a cycle's answers", lambda place: queries.answers_of(place.store, run_name(50), 5), ""),
    ("a run's log", lambda place: queries.latest_events(place.store, run_name(50)), ""),
    ("an append of one metric", lambda place: place.append(), ""),
)


def _seeded(folder: Path, events: int) -> Place:
    paths = Paths(folder, f"sqlite:///{folder / 'events.db'}")
    store = open_store(paths.store_url)
    began = time.perf_counter()
    made = seed(store, Size(events, CYCLES, ANSWERS))
    seconds = time.perf_counter() - began
    commands.change_run_state(store, "pause",
                              run_name(Size(events, CYCLES, ANSWERS).runs - 1))  # else the runner takes it up
    claim = leases.claim_next(store, "elsewhere:1:1", commands.launch_run(store, plain_run(), "bench"))
    assert claim
    return Place(store, made, seconds, Supervisor(store, paths), Journal(store, claim))


def _milliseconds(paths: list[Place], ask: Callable[[Place], object]) -> list[float]:
    took: list[list[float]] = [[] for _ in paths]
    for place in paths:
        leases.renew(place.store, place.journal.claim)  # its run is no work for the runner here
        ask(place)
    for _ in range(ROUNDS):
        for place, found in zip(paths, took, strict=True):
            began = time.perf_counter()
            ask(place)
            found.append(time.perf_counter() - began)
    return [statistics.median(found) * 1000 for found in took]
