"""Writers and readers on one store, each a process: how long the unluckiest write waits, and who is told no."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from store import commands, queries
from store.database import open_for_reading, open_store
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import MetricLogged
from tests.bench.row import Row
from tests.plain_runs import plain_run

HANGS_SECONDS = 900.0
"""Guards against hanging alone: a busy machine takes many times as long to start processes."""


@dataclass(frozen=True)
class Told:
    """What one process did: how often, how long each time, and what it was refused with."""

    writes: bool
    seconds: list[float]
    refused: list[str]


@dataclass(frozen=True)
class Contention:
    """All processes together."""

    writers: int
    readers: int
    writes_per_second: float
    median_write_seconds: float
    worst_write_seconds: float
    reads: int
    least_writes: int
    most_writes: int
    refused: list[str]


def measure_contention() -> list[Row]:
    """The worst wait of any write, and how many calls were refused."""
    rows = []
    for writers, readers in ((1, 8), (4, 0), (4, 2)):
        found = measure(writers, readers, seconds=5)
        who = f"{writers} writers and {readers} readers"
        rows += [Row(f"{who}: the longest wait of a write", found.worst_write_seconds * 1000, "ms", goal="< 500 ms"),
                 Row(f"{who}: writes", found.writes_per_second, "/s"),
                 Row(f"{who}: calls refused", len(found.refused), "", goal="0")]
    return rows


def measure(writers: int, readers: int, seconds: float) -> Contention:
    """Let so many processes write and read one store for a while."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'events.db'}"
        store = open_store(url)
        for _ in range(writers):
            commands.launch_run(store, plain_run(), "bench")
        store.close()
        found: Queue[Told] = context.Queue()
        start = context.Barrier(writers + readers)
        processes = [context.Process(target=_write if number < writers else _read, args=(url, seconds, start, found))
                     for number in range(writers + readers)]
        for process in processes:
            process.start()
        told = [_next(found, processes) for _ in processes]
        for process in processes:
            process.join()
    waits = [one for each in told if each.writes for one in each.seconds]
    counts = [len(each.seconds) for each in told if each.writes]
    return Contention(writers, readers, len(waits) / seconds, statistics.median(waits), max(waits),
                      sum(len(each.seconds) for each in told if not each.writes), min(counts), max(counts),
                      [text for each in told for text in each.refused])


def _next(found: Queue[Told], processes: Sequence[BaseProcess]) -> Told:
    """What the next process tells; fails once one has failed, or after HANGS_SECONDS."""
    until = time.monotonic() + HANGS_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(queue.Empty):
            return found.get(timeout=1)
        failed = [process.exitcode for process in processes if process.exitcode]
        assert not failed, f"a process ended with {failed[0]}"
    raise AssertionError(f"no process told anything within {HANGS_SECONDS:g} s")


def _write(url: str, seconds: float, start: Barrier, found: Queue[Told]) -> None:
    store = open_store(url)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    journal = Journal(store, claim)
    steps = iter(range(10**9))
    _repeat(lambda: journal.append(MetricLogged("loss", next(steps), 1.0), cycle=1, stage="fine-tune"), True, seconds,
            start, found)
    store.close()


def _read(url: str, seconds: float, start: Barrier, found: Queue[Told]) -> None:
    store = open_for_reading(url)
    _repeat(lambda: queries.all_runs(store), False, seconds, start, found)
    store.close()


def _repeat(work: Callable[[], Any], writes: bool, seconds: float, start: Barrier, found: Queue[Told]) -> None:
    took: list[float] = []
    refused: list[str] = []
    start.wait(HANGS_SECONDS)
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        try:
            work()
        except SQLAlchemyError as error:
            refused.append(str(error).splitlines()[0])
        took.append(time.perf_counter() - began)
    found.put(Told(writes, took, refused))
