"""What only a real browser shows: each page in light and dark, no errors, no foreign hosts, a launch, a live update."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from store import events as happened
from store import queries
from tests.dashboard import stores
from tests.dashboard.conftest import PAGES
from tests.dashboard.folders import manual
from tests.dashboard.run_maker import RunMaker, clock_at
from tests.dashboard.served import ROOT, Server, serve

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = ROOT / "test-results" / "screenshots"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(all_states: tuple[Path, dict[str, str]]) -> Iterator[Server]:
    with serve(all_states[0]) as running:
        yield running


class Visit:
    """One browser window; remembers what went wrong in it and which hosts it called."""

    def __init__(self, browser: Any, server: Server, scheme: str = "light") -> None:
        self.context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 1000})
        self.page = self.context.new_page()
        self.address = server.address
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("request", lambda request: None if request.url.startswith((server.address, "data:", "blob:"))
                     else self.foreign.append(request.url))

    def open(self, page: str, query: str = "") -> None:
        self.page.goto(f"{self.address}/{'' if page == 'overview' else page}?{query}")
        self.page.wait_for_selector("h1", timeout=30_000)
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_selector(IDLE, timeout=30_000)
        self.drawn()

    def drawn(self) -> None:
        """Wait until nothing is a grey place-holder any more."""
        self.page.wait_for_function(
            "() => document.querySelectorAll('[data-testid=stSkeleton]').length === 0", timeout=30_000)
        self.page.wait_for_timeout(500)

    def shoot(self, name: str) -> None:
        """The whole page: the window grows to what there is to see."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        height = self.page.evaluate(
            "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        self.page.set_viewport_size({"width": 1440, "height": max(1000, min(int(height) + 40, 3600))})
        self.drawn()
        self.page.screenshot(path=str(SHOTS / f"{name}.png"))
        self.page.set_viewport_size({"width": 1440, "height": 1000})

    def _response(self, response: Any) -> None:
        # Below a page's path Streamlit looks for its own service first, and finds it at the root.
        if response.status >= 400 and "/_stcore/" not in response.url:
            self.errors.append(f"{response.status} {response.url}")

    def _console(self, message: Any) -> None:
        if message.type == "error" and not re.search(r"status of 404", message.text):
            self.errors.append(message.text)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_without_errors(page: str, scheme: str, browser: Any, server: Server) -> None:
    visit = Visit(browser, server, scheme)
    visit.open(page)
    visit.shoot(f"{page}-{scheme}")
    assert visit.page.locator('[data-testid="stException"]').count() == 0
    assert visit.errors == []
    assert visit.foreign == []
    visit.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["failed", "lost", "queued", "regressed", "small", "untuned"])
def test_every_state_can_be_looked_at(name: str, browser: Any, server: Server,
                                      all_states: tuple[Path, dict[str, str]]) -> None:
    visit = Visit(browser, server, "dark" if name in ("failed", "small") else "light")
    for page in ("overview", "live"):
        visit.open(page, f"run={all_states[1][name]}")
        visit.shoot(f"{name}-{page}")
    assert visit.errors == []
    visit.context.close()


@pytest.mark.parametrize("page", PAGES)
def test_hostile_answers_call_no_foreign_host_and_run_nothing(page: str, browser: Any, server: Server,
                                                              all_states: tuple[Path, dict[str, str]]) -> None:
    visit = Visit(browser, server)
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    visit.open(page, f"run={all_states[1]['hostile']}")
    for summary in visit.page.locator("main details summary, [data-testid=stMain] details summary").all():
        summary.click()
    visit.settle()
    visit.shoot(f"hostile-{page}")
    assert dialogs == []
    assert visit.foreign == []
    assert visit.page.locator('[data-testid=stMain] img').count() == 0
    visit.context.close()


def test_a_double_click_launches_one_run_and_shows_it_queued(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path) as own:
        visit = Visit(browser, own)
        visit.open("overview")
        visit.shoot("empty-overview")
        visit.page.get_by_text("Advanced").click()
        name = visit.page.get_by_label("Name", exact=True)
        name.fill("launched by a browser")
        name.press("Enter")
        visit.settle()
        visit.shoot("launch-form-open")
        visit.page.get_by_role("button", name="Launch run").dblclick()
        visit.page.get_by_text("Waits for a runner").wait_for(timeout=20_000)
        visit.settle()
        assert "/live?run=" in visit.page.url
        visit.shoot("launched")
        assert visit.errors == []
        visit.context.close()
    store = stores.store_at(tmp_path)
    assert [(run.name, run.work) for run in queries.all_runs(store)] == [("launched by a browser", "queued")]
    store.close()


def test_the_live_page_follows_a_run_to_its_end_without_a_reload(browser: Any, tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    with clock_at(stores.long_ago(0.02)) as clock:
        maker = RunMaker(store, stores.config_of(cycles=1), clock).start().opening()
        maker.hold(240)
        with serve(tmp_path) as own:
            visit = Visit(browser, own)
            visit.open("live")
            visit.page.get_by_text("4 of 13 stages done").wait_for(timeout=15_000)
            maker.say(happened.RecoveryTaken("rate limit", "wait and try again", 1, 2.0, "429"), cycle=1)
            maker.cycle(1)
            visit.page.get_by_text("12 of 13 stages done").wait_for(timeout=15_000)
            maker.finish()
            visit.page.get_by_text("13 of 13 stages done").wait_for(timeout=15_000)
            visit.page.get_by_text("Finished after").wait_for(timeout=15_000)
            assert visit.errors == []
            visit.context.close()
    store.close()


def test_from_the_verdict_to_the_worst_answer_and_two_cycles_beside_each_other(
        browser: Any, server: Server, all_states: tuple[Path, dict[str, str]]) -> None:
    runs = all_states[1]
    visit = Visit(browser, server)
    visit.open("overview", f"run={runs['finished']}")
    visit.page.get_by_text("See the worst answers").click()
    visit.page.get_by_text("What changed, word by word").wait_for(timeout=20_000)
    visit.settle()
    assert f"run={runs['finished']}" in visit.page.url and "/answers" in visit.page.url
    assert visit.page.locator("del").count() + visit.page.locator("ins").count() > 0
    visit.open("compare", f"cycles={runs['finished']}:3,{runs['small']}:2")
    visit.page.get_by_text("different held-out sets").wait_for(timeout=20_000)
    visit.shoot("compare-two-runs")
    assert visit.errors == []
    assert visit.foreign == []
    visit.context.close()


def test_a_run_is_cancelled_from_its_page(browser: Any, tmp_path: Path) -> None:
    run = stores.build("queued", tmp_path)
    with serve(tmp_path) as own:
        visit = Visit(browser, own)
        visit.open("live", f"run={run}")
        visit.page.get_by_role("button", name="Cancel").click()
        visit.page.get_by_role("button", name="Retry").wait_for(timeout=20_000)
        visit.settle()
        visit.shoot("cancelled")
        assert visit.errors == []
        visit.context.close()
    store = stores.store_at(tmp_path)
    assert [item.work for item in queries.all_runs(store)] == ["cancelled"]
    store.close()


def test_a_folder_is_read_and_put_into_the_launch_form(browser: Any, server: Server, tmp_path: Path) -> None:
    visit = Visit(browser, server)
    docs = manual(tmp_path / "plant_manual", hostile=True)
    visit.open("knowledge", urlencode({"knowledge": str(docs)}))
    visit.page.get_by_text("documents read, 3 skipped").click()
    visit.page.get_by_role("button", name="Use this folder in the launch form").click()
    visit.page.get_by_text("Teaches the folder").wait_for(timeout=15_000)
    visit.page.get_by_text("Advanced").click()
    visit.settle()
    visit.shoot("knowledge-folder")
    assert visit.page.get_by_label("Folder of documents").last.input_value() == str(docs)
    assert visit.page.locator('[data-testid=stMain] img').count() == 0
    assert visit.errors == []
    assert visit.foreign == []
    visit.context.close()
