"""Server time of every page over a store with 1,000 cycles, 50,000 answers and 1,000,000 events.

Measured at a real server, from a page's request to its last message, as a browser would wait for it; what the browser
then draws is not in these times. Cold: nothing is remembered of the store (everything is imported). Warm: the same
page again. A tick is the live page's timer while a run is at work: with nothing new, and with new losses each time.
`PAGES_STORE=FOLDER` keeps the seeded store there and takes it from there the next time.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import Claim, Journal
from store.events import MetricLogged
from tests.bench.row import Row
from tests.bench.seeded_store import CYCLES_A_RUN, Size, run_name, seed
from tests.bench.visitor import Look, Visitor
from tests.dashboard.served import Server, serve

PAGES = {"overview": "", **{page: page for page in (
    "answers", "compare", "playground", "live", "history", "schedules", "system", "knowledge")}}
SIZE = Size()
COLD, WARM = 5, 15
TICKS = int(os.environ.get("PAGES_TICKS", "1800"))
"""An hour of ticks at one every two seconds."""
NEWS = 100
TICK_SECONDS = 2
"""Of the live page's own timer; the sidebar has another."""


@dataclass(frozen=True)
class PageTimes:
    """Milliseconds of a page, the first time and again: medians by the clock, means of the server's processor time."""

    cold: float
    warm: float
    cold_processor: float
    warm_processor: float


def measure_pages() -> list[Row]:
    """Start to the first page, every page cold and warm, ticks, and how memory grows over an hour of them."""
    with _seeded() as folder:
        began = time.perf_counter()
        with serve(folder, every_seconds=0.02) as server:
            with Visitor(server.at) as visitor:
                _right(visitor.look(""))
            rows = [Row("start of the process to the first page", time.perf_counter() - began, "s", goal="< 2 s")]
            for name, page in PAGES.items():
                rows += _page_rows(server, name, page)
            rows += _tick_rows(server, folder)
            rows.append(Row("loaded libraries of torch", float(_maps(server).count("libtorch")), "", goal="0"))
    return rows


@contextlib.contextmanager
def _seeded() -> Iterator[Path]:
    """A data folder with the large store, kept where somebody says so."""
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(os.environ.get("PAGES_STORE", passing))
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "events.db").exists():
            began, store = time.perf_counter(), open_store(f"sqlite:///{folder}/events.db")
            seed(store, SIZE)
            store.close()
            print(f"seeded {SIZE.events:,} events in {time.perf_counter() - began:.0f} s", flush=True)
        yield folder


def _page_rows(server: Server, name: str, page: str) -> list[Row]:
    took = page_milliseconds(server, page)
    return [Row(f"page {name}, cold", took.cold, "ms", goal="< 300 ms"),
            Row(f"page {name}, warm", took.warm, "ms", goal="< 100 ms")]


def page_milliseconds(server: Server, page: str, query: str = "") -> PageTimes:
    """How long a page takes, with nothing remembered of the store and again."""
    cold = []
    before = _processor_seconds(server)
    for _ in range(COLD):
        with Visitor(server.at) as visitor:
            visitor.forget()
            cold.append(_right(visitor.look(page, query)).milliseconds)
    between = _processor_seconds(server)
    with Visitor(server.at) as visitor:
        visitor.look(page, query)
        since = _processor_seconds(server)
        warm = [_right(visitor.look(page, query)).milliseconds for _ in range(WARM)]
    return PageTimes(statistics.median(cold), statistics.median(warm), (between - before) / COLD * 1e3,
                     (_processor_seconds(server) - since) / WARM * 1e3)


def _tick_rows(server: Server, folder: Path) -> list[Row]:
    """Ticks over the run at work, which has nine whole cycles behind it; this process plays its runner."""
    store = open_store(f"sqlite:///{folder}/events.db")
    claim = _claimed(store)
    journal, query = Journal(store, claim), f"run={claim.run}"
    with Visitor(server.at) as visitor:
        visitor.look("live", query)
        timer = next(name for name, seconds in visitor.timers.items() if seconds == TICK_SECONDS)
        visitor.tick(timer, query)
        idle, before = [], 0.0
        for number in range(TICKS):
            if number % 100 == 0:
                leases.renew(store, claim)
            if number == TICKS // 6:
                before = _resident_mb(server)
            idle.append(_right(visitor.tick(timer, query)).milliseconds)
        grown = _resident_mb(server) - before
        news = [_tick_with_news(visitor, timer, query, journal, number) for number in range(NEWS)]
    leases.release(store, claim)
    store.close()
    return [*_spread("live tick, nothing new", idle), *_spread("live tick, new losses", news),
            Row(f"memory from tick {TICKS // 6:,} to {TICKS:,}", grown, "MB", goal="about 0")]


def _claimed(store: Store) -> Claim:
    claim = leases.claim_next(store, leases.owner_name(), run_name(SIZE.runs - 1))
    if claim is None:
        raise RuntimeError("the seeded store has no run at work: remove the kept one")
    return claim


def _tick_with_news(visitor: Visitor, timer: str, query: str, journal: Journal, number: int) -> float:
    journal.append(MetricLogged("loss", 10_000 + number, 1.0, "nats"), cycle=CYCLES_A_RUN, stage="fine-tune")
    return _right(visitor.tick(timer, query)).milliseconds


def _spread(what: str, took: list[float]) -> list[Row]:
    return [Row(f"{what}, median", statistics.median(took), "ms", goal="< 50 ms"),
            Row(f"{what}, 99 in 100", statistics.quantiles(took, n=100)[98], "ms")]


def _right(look: Look) -> Look:
    if look.faults or not look.elements:
        raise RuntimeError(f"the page did not come as it should: {look}")
    return look


def _resident_mb(server: Server) -> float:
    status = Path(f"/proc/{server.pid}/statm").read_text().split()
    return int(status[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _processor_seconds(server: Server) -> float:
    """Processor time of the server since it was started, in all its threads."""
    user, system = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _maps(server: Server) -> str:
    return Path(f"/proc/{server.pid}/maps").read_text()
