"""Server time of every page over a store with 1,000 cycles, 50,000 answers and 1,000,000 events.

Cold: the first look, in a process that has everything imported and nothing remembered. Warm: the same look again.
The tick is the live page's fragment while its run goes on. What the browser draws is not in these times.
`PAGES_EVENTS=100000` in the environment makes the store smaller.
"""

from __future__ import annotations

import logging
import os
import resource
import tempfile
import time
from pathlib import Path
from unittest import mock

import streamlit as st
from streamlit.testing.v1 import AppTest

from store import queries
from store.database import Store, open_store
from tests.bench.row import Row
from tests.bench.seeded_store import Size, run_name, seed

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = ("overview", "answers", "compare", "live", "history", "knowledge", "schedules", "system")
ROUNDS = 3
TICKS = int(os.environ.get("PAGES_TICKS", "1800"))
"""An hour of ticks at one every two seconds."""


def measure_pages() -> list[Row]:
    """Every page cold and warm, a live tick, and how memory grows over an hour of ticks."""
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # it says at every cache that no server is running
    size = Size(events=int(os.environ.get("PAGES_EVENTS", "1000000")))
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"DATA_DIR": folder}):
        os.environ.pop("STORE_URL", None)
        store = open_store(f"sqlite:///{folder}/events.db")
        seed(store, size)
        _page("overview")  # imports are not what is measured
        rows = [row for page in PAGES for row in _page_rows(page)]
        rows += _tick_rows(store)
        store.close()
    return rows


def _page_rows(page: str) -> list[Row]:
    cold = []
    for _ in range(ROUNDS):
        st.cache_data.clear()
        cold.append(_page(page)[0])
    warm = [_page(page)[0] for _ in range(ROUNDS)]
    return [Row(f"page {page}, cold", sorted(cold)[ROUNDS // 2], "ms", goal="< 300 ms"),
            Row(f"page {page}, warm", sorted(warm)[ROUNDS // 2], "ms", goal="< 100 ms")]


def _page(page: str) -> tuple[float, AppTest]:
    """Milliseconds of one look at a page, sidebar included."""
    app = AppTest.from_file(str(APP), default_timeout=120)
    if page != "overview":
        app.switch_page(f"app_pages/{page}.py")
    began = time.perf_counter()
    app.run()
    took = (time.perf_counter() - began) * 1000
    if app.exception:
        raise RuntimeError(f"page {page}: {app.exception[0].value}")
    return took, app


def _tick_rows(store: Store) -> list[Row]:
    """Ticks over the longest run there is; every tick draws everything, as in the page's own fragment."""
    run = queries.run_named(store, run_name(0))
    if run is None:
        raise RuntimeError("the seeded store has no first run")
    app = AppTest.from_function(_follow, default_timeout=120, args=(store, run))
    app.run()
    if app.exception:
        raise RuntimeError(f"live tick: {app.exception[0].value}")
    took, before = [], 0
    for number in range(TICKS):
        began = time.perf_counter()
        app.run()
        took.append((time.perf_counter() - began) * 1000)
        if number == TICKS // 6:
            before = _resident_kb()
    took.sort()
    return [Row("live tick, median", took[len(took) // 2], "ms", goal="< 50 ms"),
            Row("live tick, 99 in 100", took[len(took) * 99 // 100], "ms"),
            Row(f"memory over {TICKS:,} ticks", (_resident_kb() - before) / 1024, "MB", goal="about 0")]


def _follow(store: object, run: object) -> None:
    """A script of its own: only its body reaches the test's runner, with the names that it imports itself."""
    from dashboard.panels import following
    following.follow(store, run)  # type: ignore[arg-type]


def _resident_kb() -> int:
    """Resident now, not at most: the most can only grow."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024
