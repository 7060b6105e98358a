"""Fixtures: read-only stores in every state, built once per session; the app under Streamlit's AppTest; a browser."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from dashboard.panels.launch_form import ADVANCED
from dashboard.session import form_draft
from tests.addresses import address_in
from tests.bench.seeded_store import Size, seed
from tests.dashboard import stores
from tests.dashboard.served import Server, serve
from tests.dashboard.windows import ARGUMENTS, CHROMIUM

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = ("overview", "new_run", "live", "answers", "history", "compare", "playground", "knowledge", "dataset",
         "exports", "schedules", "system")

_RUNNING: list[tuple[Path, str]] = []
"""Data directories of the whole session, each with its active run."""
_RENEWED = [0.0]

# Every AppTest looks through all installed packages for components, which takes longer than to draw a page.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def _running_runs_keep_their_leases() -> None:
    """Renew the leases of active runs, which expire sooner than the suite ends."""
    if _RENEWED[0] + 60 < time.time():
        _RENEWED[0] = time.time()
        for folder, run in _RUNNING:
            stores.renew(folder, run)


@pytest.fixture(autouse=True)
def _no_draft_of_another_test() -> None:
    """Forget the drafts of the launch form, which the server keeps for each person."""
    form_draft.clear()


@pytest.fixture(scope="session")
def state_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str | None]]:
    """Data directory and run id by state."""
    found = {}
    for state in stores.STATES:
        folder = tmp_path_factory.mktemp(state)
        found[state] = (folder, stores.build(state, folder))
    _RUNNING.append((found["running"][0], str(found["running"][1])))
    return found


@pytest.fixture(scope="session")
def thousand_cycles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data directory of a store with a thousand cycles in a hundred runs."""
    folder = tmp_path_factory.mktemp("thousand")
    store = stores.store_at(folder)
    seed(store, Size(events=30_000, cycles=1_000, answers=4_000))
    store.close()
    return folder


@pytest.fixture(scope="session")
def all_states(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """One store with a run in every state, for tests across runs."""
    folder = tmp_path_factory.mktemp("all")
    runs = stores.build_all(folder)
    _RUNNING.append((folder, runs["running"]))
    return folder, runs


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; tests that need it are skipped if it is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(all_states: tuple[Path, dict[str, str]]) -> Iterator[Server]:
    """The dashboard over runs in all states, as a process of its own for each module."""
    with serve(all_states[0]) as running:
        yield running


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the app on a page over a data directory, with URL parameters; the form's Advanced is open unless told."""
    def open_app(folder: Path, page: str = "overview", advanced: bool = True, **url: str) -> AppTest:
        monkeypatch.setenv("DATA_DIR", str(folder))
        monkeypatch.setenv("STORE_URL", address_in(folder))
        app = AppTest.from_file(str(APP), default_timeout=600)
        app.session_state[ADVANCED] = advanced
        for key, value in url.items():
            app.query_params[key] = value
        app.run()
        if page != "overview":
            for key, value in url.items():
                app.query_params[key] = value
            app.switch_page(f"app_pages/{page}.py").run()
        return app
    return open_app


def static_tables(app: AppTest) -> list[ElementTree.Element]:
    """The small tables of a page, as HTML elements."""
    return [ElementTree.fromstring(block.proto.body) for block in app.get("html") if "static-table" in block.proto.body
            and not block.proto.body.startswith("<style>")]


def row_charts(app: AppTest) -> list[ElementTree.Element]:
    """The charts of a page that are HTML."""
    return [ElementTree.fromstring(block.proto.body) for block in app.get("html")
            if block.proto.body.startswith("<div class='row-chart'")]


def words_of(app: AppTest) -> str:
    """All texts of a page, joined by newlines."""
    kinds = ("title", "header", "subheader", "markdown", "text", "caption", "info", "warning", "error", "success",
             "code")
    said = [str(element.value) for kind in kinds for element in app.get(kind)]
    said += [bar.proto.text for bar in app.get("progress")]
    said += [str(metric.label) + " " + str(metric.value) for metric in app.metric]
    return "\n".join(said)
