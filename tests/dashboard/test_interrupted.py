"""An open page survives reload, back button and a second window, and the end of its runner or its dashboard."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.served import free_port, serve
from tests.dashboard.test_flow import launch, runner_at
from tests.dashboard.windows import Window

APP, CONNECTED = '[data-testid="stApp"]', '[data-test-connection-state="CONNECTED"]'

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@contextlib.contextmanager
def at_work(browser: Any, tmp_path: Path) -> Iterator[tuple[Window, Any, int]]:
    """Yields a window on the page Live of a long run, its server, and the process id of its runner."""
    with serve(tmp_path) as server, runner_at(tmp_path) as runner:
        window = Window(browser, server)
        window.open("overview")
        window.page.get_by_text("Runner online").wait_for(timeout=600_000)
        launch(window, 10)
        window.page.get_by_text("stages done").wait_for(timeout=600_000)
        yield window, server, runner
        window.close()


def test_a_page_is_reloaded_opened_twice_and_left_by_the_back_button_while_the_run_goes_on(
        browser: Any, tmp_path: Path) -> None:
    with at_work(browser, tmp_path) as (window, server, _):
        page, address = window.page, window.page.url
        page.reload()
        page.get_by_text("stages done").wait_for(timeout=600_000)
        assert page.url == address
        second = Window(browser, server, "dark")
        second.page.goto(address)
        second.page.get_by_text("stages done").wait_for(timeout=600_000)
        page.get_by_role("link", name="History").click()
        page.wait_for_url("**/history*", timeout=600_000)
        page.go_back()
        page.wait_for_url("**/live*", timeout=600_000)
        page.get_by_text("stages done").wait_for(timeout=600_000)
        second.page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Retry").wait_for(timeout=600_000)
        assert window.errors == [] and second.errors == []
        second.close()


def test_a_killed_runner_is_missed_on_the_open_page(browser: Any, tmp_path: Path) -> None:
    with at_work(browser, tmp_path) as (window, _, runner):
        os.kill(runner, signal.SIGKILL)
        killed = time.monotonic()
        window.page.get_by_text("No runner is connected").wait_for(timeout=600_000)
        window.page.get_by_text("Runner disconnected.").wait_for(timeout=600_000)
        crowded = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert time.monotonic() - killed < 25 * crowded, "15 s on an idle machine"
        window.page.get_by_text("Runner disconnected").wait_for(timeout=600_000)
        window.settle()
        window.shoot("runner-killed")


def test_an_open_page_goes_on_when_its_dashboard_was_started_again(browser: Any, tmp_path: Path) -> None:
    port = free_port()
    with runner_at(tmp_path):
        with serve(tmp_path, port=port) as server:
            window = Window(browser, server)
            window.open("overview")
            window.page.get_by_text("Runner online").wait_for(timeout=600_000)
            launch(window, 10)
            window.page.get_by_text("stages done").wait_for(timeout=600_000)
            address = window.page.url
        window.page.wait_for_selector(f"{APP}:not({CONNECTED})", timeout=600_000)
        with serve(tmp_path, port=port):
            window.page.wait_for_selector(f"{APP}{CONNECTED}", timeout=600_000)
            window.settle()
            assert window.page.url == address
            window.page.get_by_role("button", name="Cancel").click()
            window.page.get_by_role("button", name="Retry").wait_for(timeout=600_000)
        window.close()
