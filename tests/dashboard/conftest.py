"""Stores in every state, built once for all tests that only read them; and the app as a person opens it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.addresses import address_in
from tests.bench.seeded_store import Size, seed
from tests.dashboard import stores
from tests.dashboard.windows import ARGUMENTS, CHROMIUM

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = ("overview", "live", "answers", "history", "compare", "playground", "knowledge", "schedules",
         "system")
_MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def _main_stays_main() -> Iterator[None]:
    """Streamlit's tester leaves its script as `__main__`, which a process that is spawned later would run again."""
    yield
    sys.modules["__main__"] = _MAIN


_RUNNING: list[tuple[Path, str]] = []
"""Data folders that live as long as the suite, each with its run at work."""
_RENEWED = [0.0]


@pytest.fixture(autouse=True)
def _running_runs_keep_their_leases() -> None:
    """No lease is believed for as long as a suite takes."""
    if _RENEWED[0] + 60 < time.time():
        _RENEWED[0] = time.time()
        for folder, run in _RUNNING:
            stores.renew(folder, run)


@pytest.fixture(scope="session")
def state_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str | None]]:
    """For each state its data folder and its run."""
    found = {}
    for state in stores.STATES:
        folder = tmp_path_factory.mktemp(state)
        found[state] = (folder, stores.build(state, folder))
    _RUNNING.append((found["running"][0], str(found["running"][1])))
    return found


@pytest.fixture(scope="session")
def thousand_cycles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a store with a thousand cycles in a hundred runs."""
    folder = tmp_path_factory.mktemp("thousand")
    store = stores.store_at(folder)
    seed(store, Size(events=30_000, cycles=1_000, answers=4_000))
    store.close()
    return folder


@pytest.fixture(scope="session")
def all_states(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """One store with a run in every state: for what looks across runs."""
    folder = tmp_path_factory.mktemp("all")
    runs = stores.build_all(folder)
    _RUNNING.append((folder, runs["running"]))
    return folder, runs


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; whoever needs it is skipped where it is not."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """The app over a data folder, on a page, with URL parameters."""
    def open_app(folder: Path, page: str = "overview", **url: str) -> AppTest:
        monkeypatch.setenv("DATA_DIR", str(folder))
        monkeypatch.setenv("STORE_URL", address_in(folder))
        app = AppTest.from_file(str(APP), default_timeout=120)
        for key, value in url.items():
            app.query_params[key] = value
        app.run()
        if page != "overview":
            for key, value in url.items():
                app.query_params[key] = value
            app.switch_page(f"app_pages/{page}.py").run()
        return app
    return open_app


def words_of(app: AppTest) -> str:
    """Everything that a page says, in one string."""
    kinds = ("title", "header", "subheader", "markdown", "text", "caption", "info", "warning", "error", "success",
             "code")
    said = [str(element.value) for kind in kinds for element in app.get(kind)]
    said += [str(metric.label) + " " + str(metric.value) for metric in app.metric]
    return "\n".join(said)
