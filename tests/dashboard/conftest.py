"""Stores in every state, built once for all tests that only read them; and the app as a person opens it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard import stores

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = ("overview", "live", "answers", "history", "compare", "playground", "knowledge")


@pytest.fixture(scope="session")
def state_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str | None]]:
    """For each state its data folder and its run."""
    found = {}
    for state in stores.STATES:
        folder = tmp_path_factory.mktemp(state)
        found[state] = (folder, stores.build(state, folder))
    return found


@pytest.fixture(scope="session")
def all_states(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """One store with a run in every state: for what looks across runs."""
    folder = tmp_path_factory.mktemp("all")
    return folder, stores.build_all(folder)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """The app over a data folder, on a page, with URL parameters."""
    def open_app(folder: Path, page: str = "overview", **url: str) -> AppTest:
        monkeypatch.setenv("DATA_DIR", str(folder))
        monkeypatch.delenv("STORE_URL", raising=False)
        app = AppTest.from_file(str(APP), default_timeout=20)
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
