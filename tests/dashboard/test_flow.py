"""End to end in a real browser with a real runner: launch, monitor, read the worst answer, compare, cancel.

The runner is `serve` with its scheduler, supervisor and worker processes; fakes replace the models.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from store import queries
from tests.dashboard import stores
from tests.dashboard.served import ROOT, serve
from tests.dashboard.windows import Window

RUNNER = ROOT / "tests" / "runner" / "serve_on_demand.py"

pytestmark = [pytest.mark.browser]


@contextmanager
def runner_at(data: Path) -> Iterator[int]:
    """Run a runner service with slow stages; yields its process id. Its log is in the data directory."""
    settings = {key: value for key, value in os.environ.items() if key != "STORE_URL"}
    with (data / "runner.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, str(RUNNER)], stdout=log, stderr=log,
                                   env=settings | {"DATA_DIR": str(data), "ITEM_SECONDS": "0.05"})
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=600)


def slide(window: Window, label: str, to: int) -> None:
    """Move a slider of the launch form by keyboard."""
    handle = window.page.get_by_role("slider", name=label)
    now = int(handle.input_value())
    for _ in range(abs(to - now)):
        handle.press("ArrowRight" if to > now else "ArrowLeft")
    window.settle()


def choose_topics(window: Window, *names: str) -> None:
    """Select topics of the fakes' small domain."""
    topics = window.page.get_by_role("combobox", name=re.compile("^Topics"))
    window.page.get_by_test_id("stMultiSelect").filter(has=topics).get_by_label("Clear all").click()
    window.settle()
    for name in names:
        topics.fill(name)
        window.page.get_by_role("option", name=name, exact=True).click()
        window.settle()
    window.page.keyboard.press("Escape")


def launch(window: Window, cycles: int) -> None:
    """Launch a small run from the form of a new session."""
    slide(window, "Cycles", cycles)
    slide(window, "Training questions per cycle", 6)
    slide(window, "Held-out questions", 6)
    choose_topics(window, "Pods", "Services", "Jobs and CronJobs")
    window.page.get_by_role("button", name="Launch run").click()
    window.page.wait_for_url("**/live?run=*", timeout=600_000)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_run_from_the_launch_to_the_worst_answer_two_cycles_and_a_cancelled_one(
        scheme: str, browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path) as server, runner_at(tmp_path):
        window = Window(browser, server, scheme)
        page = window.page
        window.open("overview")
        page.get_by_text("Runner online").wait_for(timeout=600_000)
        launch(window, 2)
        page.get_by_text("stages done").wait_for(timeout=600_000)
        window.settle()
        window.shoot(f"flow-running-{scheme}")
        page.get_by_text("Finished after").wait_for(timeout=600_000)
        window.settle()
        window.shoot(f"flow-finished-{scheme}")
        assert window.faults() == []

        window.open("overview")
        window.shoot(f"flow-verdict-{scheme}")
        assert window.faults() == []
        page.get_by_text(re.compile("Worst regressions|Read the answers")).click()
        page.get_by_text("Word diff").wait_for(timeout=600_000)
        window.settle()
        window.shoot(f"flow-worst-answer-{scheme}")
        assert "/answers" in page.url and "run=" in page.url and "metric=" in page.url
        assert window.faults() == []

        window.open("compare")
        page.get_by_text("These are cycles of one run").wait_for(timeout=600_000)
        window.shoot(f"flow-compared-{scheme}")
        assert window.faults() == []

        launch(window, 10)  # long enough not to end before it is cancelled, however busy the machine is
        page.get_by_role("button", name="Cancel").click(timeout=600_000)
        page.get_by_role("button", name="Retry").wait_for(timeout=600_000)
        window.settle()
        window.shoot(f"flow-cancelled-{scheme}")
        assert window.faults() == []
        window.close()
    store = stores.store_at(tmp_path)
    assert [(run.work, run.config.cycles) for run in queries.all_runs(store)] == [("cancelled", 10), ("finished", 2)]
    store.close()
