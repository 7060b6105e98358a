"""Durable appends through the journal against raw SQLite with the same durability (WAL, FULL), by two yardsticks.

*One finished row*: `INSERT` by hand of a row whose text is made already, into a bare table of the same columns and the
same uniqueness. *The same job by hand*: in the store's own tables, the claim's fence and the stop request read, the
event numbered, its row and what it changes in the read models written, as tight as `sqlite3` does it with text made
already. What ours does besides is Python's: JSON that refuses NaN, the time, sharing commits, the turn among processes.
Each gets its rows or its events finished. Turn about in short stretches, medians of all. What a sync takes on the disk
stands beside it: the longer it takes, the less anything else counts.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite

from store import commands
from store.database import open_store
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import Event, MetricLogged, StageProgressed, to_json
from tests.bench.mlflow_peer import mlflow_rows
from tests.bench.row import Row
from tests.plain_runs import plain_run

STRETCHES, COMMITS, BATCH, PRODUCERS = 40, 25, 100, 16
FEWEST_STRETCHES, AT_MOST_SECONDS = 5, 60
RUN, AT = "20260101-000000-abcdef12", "2026-01-01T00:00:00.000000Z"
_INSERT = "INSERT INTO events (run, seq, cycle, stage, kind, at, payload) VALUES (?,?,?,?,?,?,?)"
_HEAD = ("SELECT stop_requested, (SELECT coalesce(max(seq), 0) FROM events WHERE events.run = claims.run) FROM claims "
         "WHERE run = ? AND owner = 'bench' AND fence = 1")
_METRIC = ("INSERT INTO metrics (run, key, cycle, stage, step, value, unit, at) VALUES (?,?,?,?,?,?,?,?) "
           "ON CONFLICT (run, key, cycle, stage, step) DO UPDATE SET value = excluded.value, unit = excluded.unit, "
           "at = excluded.at")
_PROGRESS = "UPDATE runs SET done = ?, total = ?, unit = ?, detail = ? WHERE id = ?"


@dataclass(frozen=True)
class Way:
    """One way to write, so many events at a call: what is handed to it is made before the clock starts."""

    what: str
    events: int
    prepare: Callable[[], Any]
    write: Callable[[Any], None]
    against: tuple[str, ...] = ()
    goal: str = ""


class OneRow:
    """An event table by hand."""

    def __init__(self, path: Path) -> None:
        self.driver = _raw(path)
        self.driver.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, cycle INTEGER, "
                            "stage TEXT, kind TEXT, at TEXT, payload TEXT, UNIQUE (run, seq))")
        self._seq = 0

    def rows(self, count: int) -> list[tuple[object, ...]]:
        first, self._seq = self._seq + 1, self._seq + count
        return [(RUN, seq, 1, "fine-tune", "MetricLogged", AT, to_json(metric(seq)))
                for seq in range(first, first + count)]

    def append(self, rows: Sequence[tuple[object, ...]]) -> None:
        """One transaction with these events."""
        self.driver.execute("BEGIN IMMEDIATE")
        _insert(self.driver, _INSERT, rows)
        self.driver.execute("COMMIT")


class SameJob:
    """The store's own tables by hand: one run, one claim."""

    def __init__(self, path: Path) -> None:
        open_store(f"sqlite:///{path}").close()
        self.driver = _raw(path)
        self.driver.execute("INSERT INTO claims (run, owner, fence, attempt) VALUES (?, 'bench', 1, 1)", (RUN,))
        self.driver.execute("INSERT INTO runs (id, name, config, requested_by, requested_at, priority, work, attempts, "
                            "group_name) VALUES (?, '', '{}', 'bench', ?, 0, 'running', 1, '')", (RUN, AT))
        self._step = 0

    def work(self, count: int, kind: Callable[[int], Event]) -> Any:
        """What `append` needs, as finished as it can be before the head is known."""
        first, self._step = self._step, self._step + count
        steps, name = range(first, first + count), kind(0).event_type
        payloads = [to_json(kind(step)) for step in steps]
        if kind is metric:
            return name, payloads, _METRIC, [(RUN, "loss", 1, "fine-tune", step, 1.0 / (step + 1), "nats", AT)
                                             for step in steps]
        return name, payloads, _PROGRESS, [(steps[-1], 1_000_000, "steps", "a detail of usual length", RUN)]

    def append(self, work: Any) -> None:
        """One transaction with these events and what they change."""
        name, payloads, statement, rows = work
        self.driver.execute("BEGIN IMMEDIATE")
        _, head = self.driver.execute(_HEAD, (RUN,)).fetchone()
        _insert(self.driver, _INSERT, [(RUN, seq, 1, "fine-tune", name, AT, payload)
                                       for seq, payload in enumerate(payloads, start=head + 1)])
        _insert(self.driver, statement, rows)
        self.driver.execute("COMMIT")


class Ours:
    """A journal that counts its steps, so that every number is a new one."""

    def __init__(self, path: Path) -> None:
        store = open_store(f"sqlite:///{path}")
        commands.launch_run(store, plain_run(), "bench")
        claim = leases.claim_next(store, leases.owner_name())
        assert claim
        self.journal = Journal(store, claim)
        self._step = 0

    def events(self, count: int, kind: Callable[[int], Event]) -> list[Event]:
        first, self._step = self._step, self._step + count
        return [kind(step) for step in range(first, first + count)]

    def append(self, events: Sequence[Event]) -> None:
        """One transaction with these events."""
        self.journal.append(*events, cycle=1, stage="fine-tune")

    def append_from_threads(self, events: Sequence[Event]) -> None:
        """So many producers at once, each waiting for its own commit before its next."""
        threads = [threading.Thread(target=self._produce, args=(events[number::PRODUCERS],))
                   for number in range(PRODUCERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _produce(self, events: Sequence[Event]) -> None:
        for event in events:
            self.journal.append(event, cycle=1, stage="fine-tune")


def _raw(path: Path) -> Any:
    driver = sqlite.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"):
        driver.execute(f"PRAGMA {pragma}")
    return driver


def _insert(driver: Any, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if len(rows) == 1:
        driver.execute(statement, rows[0])
    else:
        driver.executemany(statement, rows)


def metric(step: int) -> Event:
    return MetricLogged("loss", step, 1.0 / (step + 1), "nats")


def progress(step: int) -> Event:
    return StageProgressed(step, 1_000_000, "steps", "a detail of usual length")


def measure_appends() -> list[Row]:
    """Rates of single appends, of batches, and of producers that share commits."""
    with tempfile.TemporaryDirectory() as folder:
        one_row, same_job = OneRow(Path(folder) / "row.db"), SameJob(Path(folder) / "job.db")
        ours = Ours(Path(folder) / "ours.db")
        ways = [way for count, goal in ((1, ">= 0.90 x"), (BATCH, ">= 0.95 x"))
                for way in _ways(one_row, same_job, ours, count, goal)]
        many = PRODUCERS * COMMITS
        ways.append(Way(f"append from {PRODUCERS} threads, each waiting for its commit", many,
                        lambda: ours.events(many, metric), ours.append_from_threads, (ways[0].what,), ">= 3 x"))
        rates = _turn_about(ways)
        sync = Row("a sync of 8 KB on this disk", _sync_seconds(Path(folder)) * 1e6, "µs")
    return [sync, *rates, *mlflow_rows(next(row for row in rates if row.what.startswith("append of a metric")))]


def _ways(one_row: OneRow, same_job: SameJob, ours: Ours, count: int, goal: str) -> list[Way]:
    """Both yardsticks and ours, with so many events a commit."""
    each = "one event a commit" if count == 1 else f"{count} events a commit"
    bare = f"sqlite3, one finished row an event, {each}"
    ways = [Way(bare, count, lambda: one_row.rows(count), one_row.append)]
    for name, kind in (("a metric", metric), ("progress", progress)):
        by_hand = f"sqlite3, the same job by hand for {name}, {each}"
        ways += [Way(by_hand, count, lambda kind=kind: same_job.work(count, kind),
                     same_job.append),  # type: ignore[misc]
                 Way(f"append of {name}, {each}", count,
                     lambda kind=kind: ours.events(count, kind),  # type: ignore[misc]
                     ours.append, (bare, by_hand), goal)]
    return ways


def _turn_about(ways: list[Way]) -> list[Row]:
    """Every way in short stretches, one after the other; a stretch's first commits pay for the change of files."""
    seconds: dict[str, list[float]] = {way.what: [] for way in ways}
    until = time.monotonic() + AT_MOST_SECONDS
    for stretch in range(STRETCHES):
        if stretch >= FEWEST_STRETCHES and time.monotonic() > until:
            break
        for way in ways:
            commits = COMMITS if way.events == 1 else 3
            for number in range(commits):
                work = way.prepare()
                began = time.perf_counter()
                way.write(work)
                if number >= commits // 5:
                    seconds[way.what].append((time.perf_counter() - began) / way.events)
    median = {what: statistics.median(found) for what, found in seconds.items()}
    return [row for way in ways for row in _rows(way, median)]


def _sync_seconds(folder: Path) -> float:
    took = []
    with (folder / "sync").open("wb") as file:
        for _ in range(100):
            file.write(bytes(8192))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def _rows(way: Way, median: dict[str, float]) -> list[Row]:
    rate = 1 / median[way.what]
    if not way.against:
        return [Row(way.what, rate, "/s")]
    return [Row(way.what, rate, "/s", median[other] / median[way.what], other, way.goal) for other in way.against]
