"""Durable appends through the journal against raw SQLite with the same durability (WAL, FULL).

The raw limit is `INSERT` of a finished event row by hand with the same library, into a table of the same columns and
the same uniqueness, text already made, one transaction each (or one for a batch, by executemany). What ours does
besides, in the same transaction: makes the JSON and the time stamp, checks the claim's fence and a person's wish to
stop, numbers the event within its run, and changes the read models. Turn about in short stretches, medians of all.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from store import commands, leases
from store.config import preset
from store.database import open_store
from store.events import Event, MetricLogged, StageProgressed, to_json
from store.journal import Journal
from tests.bench.mlflow_peer import mlflow_rows
from tests.bench.row import Row

STRETCHES, COMMITS, BATCH, PRODUCERS = 40, 25, 100, 16
RAW, RAW_BATCH = "raw sqlite3, one event a commit", f"raw sqlite3, {BATCH} events a commit"
_INSERT = "INSERT INTO events (run, seq, cycle, stage, kind, at, payload) VALUES (?,?,?,?,?,?,?)"


@dataclass(frozen=True)
class Way:
    """One way to write, so many events at a call."""

    what: str
    events: int
    work: Callable[[], None]
    against: str = ""
    goal: str = ""


class Raw:
    """An event table by hand."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, cycle INTEGER, "
                                 "stage TEXT, kind TEXT, at TEXT, payload TEXT, UNIQUE (run, seq))")
        self._payload = to_json(metric(0))
        self._seq = 0

    def append(self, count: int) -> None:
        """One transaction with so many events."""
        rows = [("20260101-000000-abcdef12", seq, 1, "fine-tune", "MetricLogged", "2026-01-01T00:00:00.000000Z",
                 self._payload) for seq in range(self._seq + 1, self._seq + count + 1)]
        self._seq += count
        self._connection.execute("BEGIN IMMEDIATE")
        if count == 1:
            self._connection.execute(_INSERT, rows[0])
        else:
            self._connection.executemany(_INSERT, rows)
        self._connection.execute("COMMIT")


class Ours:
    """A journal that counts its steps, so that every number is a new one."""

    def __init__(self, path: Path) -> None:
        store = open_store(f"sqlite:///{path}")
        commands.launch(store, preset("embedded"), "bench")
        claim = leases.claim_next(store, leases.owner_name())
        assert claim
        self.journal = Journal(store, claim)
        self._step = 0

    def append(self, count: int, make: Callable[[int], Event]) -> None:
        """One transaction with so many events."""
        first, self._step = self._step, self._step + count
        self.journal.append(*[make(step) for step in range(first, first + count)], cycle=1, stage="fine-tune")

    def append_from_threads(self, each: int) -> None:
        """So many producers at once, each waiting for its own commit before its next."""
        first, self._step = self._step, self._step + each * PRODUCERS
        threads = [threading.Thread(target=self._produce, args=(first + number * each, each))
                   for number in range(PRODUCERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _produce(self, first: int, count: int) -> None:
        for step in range(first, first + count):
            self.journal.append(metric(step), cycle=1, stage="fine-tune")


def metric(step: int) -> Event:
    return MetricLogged("loss", step, 1.0 / (step + 1), "nats")


def progress(step: int) -> Event:
    return StageProgressed(step, 1_000_000, "steps", "a detail of usual length")


def measure_appends() -> list[Row]:
    """Rates of single appends, of batches, and of producers that share commits."""
    with tempfile.TemporaryDirectory() as folder:
        raw, ours = Raw(Path(folder) / "raw.db"), Ours(Path(folder) / "ours.db")
        rates = _turn_about([
            Way(RAW, 1, lambda: raw.append(1)),
            Way("journal.append of a metric, one a commit", 1, lambda: ours.append(1, metric), RAW, ">= 0.90 x"),
            Way("journal.append of progress, one a commit", 1, lambda: ours.append(1, progress), RAW, ">= 0.90 x"),
            Way(RAW_BATCH, BATCH, lambda: raw.append(BATCH)),
            Way(f"journal.append of metrics, {BATCH} a commit", BATCH, lambda: ours.append(BATCH, metric), RAW_BATCH,
                ">= 0.95 x"),
            Way(f"journal.append of progress, {BATCH} a commit", BATCH, lambda: ours.append(BATCH, progress), RAW_BATCH,
                ">= 0.95 x"),
            Way(f"journal.append from {PRODUCERS} threads, each waiting for its commit", PRODUCERS * COMMITS,
                lambda: ours.append_from_threads(COMMITS), RAW, ">= 3 x"),
        ])
    return rates + mlflow_rows(rates[1])


def _turn_about(ways: list[Way]) -> list[Row]:
    """Every way in short stretches, one after the other; a stretch's first commits pay for the change of files."""
    seconds: dict[str, list[float]] = {way.what: [] for way in ways}
    for _ in range(STRETCHES):
        for way in ways:
            commits = COMMITS if way.events == 1 else 3
            for number in range(commits):
                began = time.perf_counter()
                way.work()
                if number >= commits // 5:
                    seconds[way.what].append((time.perf_counter() - began) / way.events)
    median = {what: statistics.median(found) for what, found in seconds.items()}
    return [Row(way.what, 1 / median[way.what], "/s", median[way.against] / median[way.what] if way.against else None,
                way.against, way.goal) for way in ways]
