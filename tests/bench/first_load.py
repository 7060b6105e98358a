"""First load of Overview in new browsers: how long until its numbers and its charts are there, and what is sent.

Needs Chromium. Each round has a browser of its own with an empty cache; the server has answered before. Wall times are
of the machine and of all who use it; the time of the page's own thread is the browser's work alone.
`FIRST_LOAD_CHECKOUTS=/a:/b` measures these checkouts in turn instead, for a comparison in one run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.bench.row import Row
from tests.dashboard import served
from tests.dashboard.windows import ARGUMENTS, CHROMIUM

ROUNDS = int(os.environ.get("FIRST_LOAD_ROUNDS", "5"))
_STEPS = {"title": "h1", "numbers": "[data-testid=stMetricValue]", "charts": ".row-chart, .js-plotly-plot .trace"}
_WATCH = """steps => new MutationObserver(() => {
  for (const [name, selector] of Object.entries(steps))
    if (!performance.getEntriesByName(`step ${name}`).length && document.querySelector(selector))
      performance.mark(`step ${name}`);
}).observe(document, {subtree: true, childList: true})"""


@dataclass(frozen=True)
class Load:
    """One first load: seconds by step, on the clock and of the page's thread; what was sent."""

    wall: dict[str, float]
    work: dict[str, float]
    megabytes: float
    requests: int


def measure_first_load() -> list[Row]:
    """Seconds until title, numbers and charts of Overview, in this checkout or those that are named."""
    checkouts = [Path(one) for one in os.environ.get("FIRST_LOAD_CHECKOUTS", str(served.ROOT)).split(":")]
    with tempfile.TemporaryDirectory() as data, ExitStack() as stack, sync_playwright() as playwright:
        _seed(Path(data))
        servers = [stack.enter_context(served.serve(Path(data), root=checkout)) for checkout in checkouts]
        loads: list[list[Load]] = [[] for _ in servers]
        for number in range(ROUNDS + 1):
            for server, found in zip(servers, loads, strict=True):
                browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
                load = _load(browser, server.address)
                browser.close()
                if number:  # the server's own first page is not the browser's
                    found.append(load)
    return [row for checkout, found in zip(checkouts, loads, strict=True)
            for row in _rows(found, f"{checkout.name}: " if len(checkouts) > 1 else "")]


def _seed(data: Path) -> None:
    """Give a data folder a store with a finished run of three cycles."""
    subprocess.run([sys.executable, "-m", "tests.dashboard.stores", str(data), "finished"], cwd=served.ROOT, check=True,
                   stdout=subprocess.DEVNULL)


def _load(browser: Browser, address: str) -> Load:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(f"({_WATCH})({json.dumps(_STEPS)})")
    browser.start_tracing(page=page, categories=["blink.user_timing", "toplevel"])
    page.goto(address, wait_until="commit")
    page.wait_for_function("names => names.every(name => performance.getEntriesByName(`step ${name}`).length)",
                           arg=list(_STEPS), timeout=600_000)
    page.wait_for_timeout(1_000)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    sent = page.evaluate("() => performance.getEntriesByType('resource').map(one => one.transferSize)")
    marks = {name: next(one for one in events if one["name"] == f"step {name}") for name in _STEPS}
    began = _thread_time_at_navigation(events, marks["title"])
    return Load({name: page.evaluate("name => performance.getEntriesByName(name)[0].startTime", f"step {name}") / 1e3
                 for name in _STEPS},
                {name: (mark["tts"] - began) / 1e6 for name, mark in marks.items()}, sum(sent) / 1e6, len(sent))


def _thread_time_at_navigation(events: list[dict[str, Any]], mark: dict[str, Any]) -> float:
    """What the page's thread had worked when its navigation began, in microseconds."""
    own = [one for one in events if (one.get("pid"), one.get("tid")) == (mark["pid"], mark["tid"]) and "tts" in one]
    return float(min(one["tts"] for one in own))


def _rows(loads: list[Load], prefix: str) -> list[Row]:
    rows = [Row(f"{prefix}{name}, on the clock", statistics.median(load.wall[name] for load in loads), "s",
                goal="< 3 s" if name == "charts" else "") for name in _STEPS]
    rows += [Row(f"{prefix}{name}, thread time", statistics.median(load.work[name] for load in loads), "s")
             for name in _STEPS]
    return [*rows, Row(f"{prefix}sent", loads[-1].megabytes, "MB"), Row(f"{prefix}requests", loads[-1].requests, "")]
