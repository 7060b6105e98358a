"""Durable appends through the journal against raw SQLite with the same durability (WAL, FULL).

The raw limit is `INSERT` of a finished event row by hand with the same library, into a table of the same columns and
the same uniqueness, text already made, one transaction each (or one for a batch, by executemany). What ours does
besides, in the same transaction: makes the JSON and the time stamp, checks the claim's fence and a person's wish to
stop, numbers the event within its run, and changes the read models. Turn about in short stretches, medians of these.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from store import commands, leases
from store.config import preset
from store.database import open_store
from store.events import Event, MetricLogged, StageProgressed, to_json
from store.journal import Journal
from tests.bench.row import Row

STRETCHES, COMMITS, BATCH, PRODUCERS = 40, 25, 100, 16
_INSERT = "INSERT INTO events (run, seq, cycle, stage, kind, at, payload) VALUES (?,?,?,?,?,?,?)"


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
        ways: dict[str, tuple[int, Callable[[], None]]] = {
            "raw sqlite3, one event a commit": (1, lambda: raw.append(1)),
            "journal.append of a metric, one a commit": (1, lambda: ours.append(1, metric)),
            "journal.append of progress, one a commit": (1, lambda: ours.append(1, progress)),
            f"raw sqlite3, {BATCH} events a commit": (BATCH, lambda: raw.append(BATCH)),
            f"journal.append of metrics, {BATCH} a commit": (BATCH, lambda: ours.append(BATCH, metric)),
            f"journal.append of progress, {BATCH} a commit": (BATCH, lambda: ours.append(BATCH, progress)),
            f"journal.append from {PRODUCERS} threads": (PRODUCERS, lambda: ours.append_from_threads(1)),
        }
        rates: dict[str, list[float]] = {what: [] for what in ways}
        for _ in range(STRETCHES):
            for what, (events, work) in ways.items():
                commits = COMMITS if events == 1 else 2
                if events == PRODUCERS:
                    commits, events, work = 1, PRODUCERS * COMMITS, lambda: ours.append_from_threads(COMMITS)
                began = time.perf_counter()
                for _ in range(commits):
                    work()
                rates[what].append(events * commits / (time.perf_counter() - began))
    medians = {what: statistics.median(values) for what, values in rates.items()}
    single, batch = (what for what in medians if what.startswith("raw"))
    return [Row(what, rate, "/s", rate / medians[against], against) for what, rate in medians.items()
            for against in [batch if f"{BATCH} " in what else single]]
