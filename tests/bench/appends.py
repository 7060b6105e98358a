"""Durable appends through the journal against raw SQLite with the same durability, in turn, the median of rounds."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from store import commands, leases
from store.config import preset
from store.database import open_store
from store.events import StageProgressed, to_json
from store.journal import Journal

ROUNDS, EVENTS, BATCH = 5, 300, 100
EVENT = StageProgressed(1, 10, "answers", "a detail of usual length")


@dataclass(frozen=True)
class Row:
    """One measured rate; `ratio` is against the named other, both from the same rounds."""

    what: str
    per_second: float
    ratio: float
    against: str


def measure_appends() -> list[Row]:
    """Rates of single appends and of batches."""
    with tempfile.TemporaryDirectory() as folder:
        journal, raw = _journal(Path(folder) / "ours.db"), _raw(Path(folder) / "raw.db")
        ways: dict[str, Callable[[], None]] = {
            "raw sqlite3, one a commit": lambda: _raw_append(raw, 1),
            "journal.append, one a commit": lambda: _append(journal, 1),
            f"raw sqlite3, {BATCH} a commit": lambda: _raw_append(raw, BATCH),
            f"journal.append, {BATCH} a commit": lambda: _append(journal, BATCH),
        }
        rates: dict[str, list[float]] = {what: [] for what in ways}
        for _ in range(ROUNDS):
            for what, work in ways.items():
                began = time.perf_counter()
                work()
                rates[what].append(EVENTS / (time.perf_counter() - began))
    medians = {what: statistics.median(values) for what, values in rates.items()}
    names = list(ways)
    return [Row(what, medians[what], medians[what] / medians[names[index - index % 2]], names[index - index % 2])
            for index, what in enumerate(names)]


def _journal(path: Path) -> Journal:
    store = open_store(f"sqlite:///{path}")
    commands.launch(store, preset("embedded"), "bench")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    return Journal(store, claim)


def _append(journal: Journal, batch: int) -> None:
    for _ in range(EVENTS // batch):
        journal.append(*[EVENT] * batch, cycle=1, stage="baseline")


def _raw(path: Path) -> sqlite.Connection:
    connection = sqlite.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, cycle INTEGER, stage TEXT, "
                       "kind TEXT, at TEXT, payload TEXT, UNIQUE (run, seq))")
    return connection


def _raw_append(connection: sqlite.Connection, batch: int) -> None:
    seq = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    for _ in range(EVENTS // batch):
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(batch):
            seq += 1
            connection.execute("INSERT INTO events (run, seq, cycle, stage, kind, at, payload) VALUES (?,?,?,?,?,?,?)",
                               ("r", seq, 1, "baseline", "StageProgressed", "2026-01-01T00:00:00.000000Z",
                                to_json(EVENT)))
        connection.execute("COMMIT")
