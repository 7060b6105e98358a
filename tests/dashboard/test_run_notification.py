"""A browser notification when the watched run ends: only where a person asked for it and the browser allows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard import stores
from tests.dashboard.run_maker import RunMaker, clock_at
from tests.dashboard.served import serve
from tests.dashboard.windows import Window

pytestmark = [pytest.mark.browser, pytest.mark.slow]
_RECORD = """(answer) => {
  window.shown = [];
  window.Notification = class {
    static get permission() { return localStorage.getItem('answered') ?? 'default'; }
    static async requestPermission() { localStorage.setItem('answered', answer); return answer; }
    constructor(title, options) { window.shown.push(`${title}: ${options.body}`); }
  };
}"""


@pytest.fixture
def watched(browser: Any, tmp_path: Path) -> Iterator[tuple[Window, RunMaker]]:
    """A window on the page Live of a run at work, with its simulated runner."""
    store = stores.store_at(tmp_path)
    with clock_at(stores.long_ago(0.05)) as clock:
        maker = RunMaker(store, stores.config_of(cycles=1, name="watched"), clock).start().opening()
        maker.hold(stores.LEASE)
        with serve(tmp_path) as server:
            window = Window(browser, server)
            yield window, maker
            assert window.errors == []
            window.close()
    store.close()


def opened(window: Window, maker: RunMaker, answer: str) -> Any:
    """Open the run's page in a browser whose person answers the request so, and press the button."""
    window.page.add_init_script(f"({_RECORD})({answer!r})")
    window.open("live", f"run={maker.run}")
    button = window.page.get_by_role("button", name="Notify me when it ends")
    button.click()
    return button


def end(window: Window, maker: RunMaker) -> None:
    maker.cycle(1)
    maker.finish()
    window.page.get_by_text("See the result").wait_for(timeout=600_000)
    window.settle()


def test_a_person_who_asked_is_told_once_with_the_verdict(watched: tuple[Window, RunMaker]) -> None:
    window, maker = watched
    opened(window, maker, "granted")
    window.page.get_by_role("button", name="Notifies when it ends").wait_for()
    end(window, maker)
    (shown,) = window.page.evaluate("() => window.shown")
    assert shown.startswith("▲ Improved · watched: ")
    window.page.reload()
    window.page.get_by_text("See the result").wait_for(timeout=600_000)
    window.settle()
    assert window.page.evaluate("() => window.shown") == [], "told once"


def test_where_the_browser_refuses_the_button_says_so_and_nothing_is_shown(watched: tuple[Window, RunMaker]) -> None:
    window, maker = watched
    opened(window, maker, "denied")
    window.page.get_by_role("button", name="Notifications are blocked in this browser").wait_for()
    end(window, maker)
    assert window.page.evaluate("() => window.shown") == []
