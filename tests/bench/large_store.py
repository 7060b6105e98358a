"""What pages ask for, on a store with a million events in a thousand cycles; and the same on a hundredth of it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from store import queries
from store.database import Store, open_store
from tests.bench.row import Row
from tests.bench.seeded_store import Size, run_name, seed

ROUNDS = 200
FEW = Size(events=100_000, cycles=1_000, answers=50_000)


def measure_large_store() -> list[Row]:
    """Medians in milliseconds; the ratio is the million against a tenth of the events in as many cycles."""
    with tempfile.TemporaryDirectory() as folder:
        few, _ = _seeded(Path(folder) / "few.db", FEW)
        many, seconds = _seeded(Path(folder) / "many.db", Size())
        rows = [Row("make the store: a million events, read models rebuilt from them", seconds, "s")]
        for what, ask, goal in _QUESTIONS:
            small, large = _milliseconds(lambda ask=ask: ask(few)), _milliseconds(lambda ask=ask: ask(many))  # type: ignore[misc]
            rows.append(Row(what, large, "ms", large / small, "a tenth of the events", goal))
        for store in (few, many):
            store.close()
    return rows


_QUESTIONS: tuple[tuple[str, Callable[[Store], object], str], ...] = (
    ("a tick with nothing new", lambda store: queries.last_event_id(store, run_name(50)), "< 1 ms"),
    ("the state of a run", lambda store: queries.run_named(store, run_name(50)), "< 1 ms"),
    ("the overview's query: all runs", queries.all_runs, "< 10 ms"),
    ("a run's cycles", lambda store: queries.cycles_of(store, run_name(50)), ""),
    ("a cycle's answers", lambda store: queries.answers_of(store, run_name(50), 5), ""),
    ("a run's log", lambda store: queries.happenings(store, run_name(50)), ""),
)


def _seeded(path: Path, size: Size) -> tuple[Store, float]:
    store = open_store(f"sqlite:///{path}")
    began = time.perf_counter()
    seed(store, size)
    return store, time.perf_counter() - began


def _milliseconds(ask: Callable[[], object]) -> float:
    ask()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000
