"""Tests in a real browser: every page in both themes and narrow windows, without errors and external requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from store import queries
from tests.dashboard import stores
from tests.dashboard.conftest import PAGES
from tests.dashboard.folders import manual
from tests.dashboard.served import Server, serve
from tests.dashboard.windows import LARGE, NARROW, PHONE, WIDE, Window

pytestmark = [pytest.mark.browser]
KINDS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "large": ("light", LARGE), "narrow": ("light", NARROW),
         "phone": ("dark", PHONE)}
"""Colour scheme and width of the windows in which every page is tested."""
ALWAYS = ("overview", "live", "compare")
"""Pages that are drawn in a browser in each run of the tests; `make browser` draws all of them in all windows."""


@pytest.fixture(scope="module")
def windows(browser: Any, server: Server) -> Iterator[dict[str, Window]]:
    """One window per kind, opened on demand, so that the app is loaded once in each."""
    opened: dict[str, Window] = {}
    yield opened
    for window in opened.values():
        window.close()


def window_of(kind: str, windows: dict[str, Window], browser: Any, server: Server) -> Window:
    return windows.get(kind) or windows.setdefault(kind, Window(browser, server, *KINDS[kind]))


@pytest.mark.parametrize(("page", "kind"), [
    pytest.param(page, kind, marks=() if kind == "light" and page in ALWAYS else pytest.mark.slow)
    for kind in KINDS for page in PAGES])
def test_every_page_draws_whole_and_without_errors(page: str, kind: str, windows: dict[str, Window], browser: Any,
                                                   server: Server) -> None:
    window = window_of(kind, windows, browser, server)
    window.open(page)
    window.shoot(f"{page}-{kind}")
    assert window.faults() == []
    title = "Documents" if page == "knowledge" else page.replace("_", " ").capitalize()
    # The page Live has the state of its run in the tab instead.
    assert window.page.title().endswith("· Live" if page == "live" else f"{title} · Knowledge distillation")


def test_every_page_stands_in_the_menu_without_opening_more_of_it(windows: dict[str, Window], browser: Any,
                                                                  server: Server) -> None:
    window = window_of("light", windows, browser, server)
    window.open("overview")
    links = window.page.get_by_test_id("stTopNavLink")
    listed = {*PAGES, "documents"} - {"knowledge", "new_run", "exports"}  # launch form and Overview lead to these
    assert {one.strip().lower() for one in links.all_inner_texts()} == listed


def test_the_launch_button_is_reached_by_keyboard(windows: dict[str, Window], browser: Any, server: Server) -> None:
    window = window_of("light", windows, browser, server)
    window.open("system")
    reached: list[str] = []
    for _ in range(60):
        window.page.keyboard.press("Tab")
        reached.append(str(window.page.evaluate("() => document.activeElement.innerText || "
                                                "document.activeElement.getAttribute('aria-label') || ''")).strip())
        if any(word.endswith("Launch run") for word in reached) and reached[-1].endswith("Overview"):
            break
    assert any(word.endswith("Launch run") for word in reached), reached
    assert reached[-1].endswith("Overview"), "the pages come after it"
    window.page.keyboard.press("Enter")
    window.page.get_by_role("heading", name="Did the student learn?").wait_for(timeout=600_000)


@pytest.mark.slow
def test_the_verdict_its_numbers_and_the_launch_button_are_seen_without_scrolling(
        browser: Any, server: Server, all_states: tuple[Path, dict[str, str]]) -> None:
    window = Window(browser, server, width=1440)
    window.page.set_viewport_size({"width": 1440, "height": 900})
    window.open("overview", f"run={all_states[1]['finished']}")
    main = window.page.get_by_test_id("stMain")
    for seen in (main.get_by_role("heading", name="Yes: the student improved"),
                 main.get_by_test_id("stMetricLabel").filter(has_text="95% interval"),
                 main.locator(".row-chart").first, window.page.get_by_role("button", name="Launch run")):
        box = seen.bounding_box()
        assert box and box["y"] + box["height"] < 940, (seen, box)
    main.get_by_text(re.compile("Worst regressions|Read the answers")).click()
    words = window.page.locator("del, ins").first
    words.wait_for(timeout=600_000)
    window.settle()
    box = words.bounding_box()
    assert box and box["y"] < 900, "one click from the verdict the words of the worst answer are on the screen"
    window.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["failed", "lost", "queued", "regressed", "small", "untuned"])
def test_every_state_can_be_looked_at(name: str, browser: Any, server: Server,
                                      all_states: tuple[Path, dict[str, str]]) -> None:
    window = Window(browser, server, "dark" if name in ("failed", "small") else "light")
    for page in ("overview", "live"):
        window.open(page, f"run={all_states[1][name]}")
        window.shoot(f"{name}-{page}")
    assert window.errors == []
    window.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_group_of_runs_can_be_looked_at(kind: str, browser: Any, tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    run = stores.group_of_runs(store, stores.long_ago(10))[0]
    store.close()
    with serve(tmp_path) as running:
        window = Window(browser, running, *KINDS[kind])
        for page, query in (("overview", f"run={run}"), ("compare", "group=rates"), ("history", "")):
            window.open(page, query)
            window.shoot(f"group-{page}-{kind}")
            assert window.faults() == []
        window.close()


@pytest.mark.parametrize("page", [page if page == "answers" else
                                  pytest.param(page, marks=pytest.mark.slow) for page in PAGES])
def test_hostile_answers_call_no_foreign_host_and_run_nothing(page: str, browser: Any, server: Server,
                                                              all_states: tuple[Path, dict[str, str]]) -> None:
    window = Window(browser, server)
    dialogs: list[str] = []
    window.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    window.open(page, f"run={all_states[1]['hostile']}")
    window.open_everything()
    window.shoot(f"hostile-{page}")
    assert dialogs == []
    assert window.foreign == []
    assert window.page.locator('[data-testid=stMain] img').count() == 0
    window.close()


def test_a_double_click_launches_one_run_and_shows_it_queued(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path) as own:
        window = Window(browser, own)
        window.open("overview")
        window.shoot("empty-overview")
        window.page.get_by_text("Advanced").click()
        name = window.page.get_by_label("Name", exact=True)
        name.fill("launched by a browser")
        name.press("Enter")
        window.settle()
        window.shoot("launch-form-open")
        window.page.get_by_role("button", name="Launch run").dblclick()
        window.page.get_by_text("Queued (requested").wait_for(timeout=600_000)
        window.settle()
        window.page.wait_for_url("**/live?run=*", timeout=600_000)
        window.shoot("launched")
        assert window.errors == []
        window.close()
    store = stores.store_at(tmp_path)
    assert [(run.name, run.work) for run in queries.all_runs(store)] == [("launched by a browser", "queued")]
    store.close()


@pytest.mark.slow
def test_a_page_stays_when_a_timer_asks_for_the_page_before(browser: Any, tmp_path: Path) -> None:
    """Delays the server's messages, as on a busy machine, until the sidebar's timer has fired for the old page."""
    held: list[tuple[Any, Any]] = []
    holding: list[bool] = []

    def between(route: Any) -> None:
        route.connect_to_server().on_message(
            lambda message: held.append((route, message)) if holding else route.send(message))

    with serve(tmp_path) as own:
        window = Window(browser, own)
        window.page.route_web_socket("**/_stcore/stream", between)
        window.open("overview")
        holding.append(True)
        window.page.get_by_role("button", name="Launch run").click()
        window.page.wait_for_timeout(6_000)  # the sidebar looks every five seconds
        holding.clear()
        for route, message in held:
            route.send(message)
        window.page.wait_for_timeout(3_000)  # the new page looks every two
        window.settle()
        assert window.errors == []
        assert window.page.get_by_role("heading", name="Live", exact=True).count() == 1
        assert window.page.get_by_text("Queued (requested").count() == 1
        assert "/live?run=" in window.page.url  # the query too: /live alone would show another run later
        window.close()


@pytest.mark.slow
def test_from_the_verdict_to_the_worst_answer_and_two_cycles_beside_each_other(
        browser: Any, server: Server, all_states: tuple[Path, dict[str, str]]) -> None:
    runs = all_states[1]
    window = Window(browser, server)
    window.open("overview", f"run={runs['finished']}")
    window.page.get_by_text(re.compile("Worst regressions|Read the answers")).click()
    window.page.get_by_text("Word diff").wait_for(timeout=600_000)
    window.settle()
    assert f"run={runs['finished']}" in window.page.url and "/answers" in window.page.url
    assert window.page.locator("del").count() + window.page.locator("ins").count() > 0
    window.open("compare", f"cycles={runs['finished']}:3,{runs['small']}:2")
    window.page.get_by_text("different held-out sets").wait_for(timeout=600_000)
    window.shoot("compare-two-runs")
    assert window.errors == []
    assert window.foreign == []
    window.close()


def test_a_folder_is_read_and_put_into_the_launch_form(browser: Any, server: Server, tmp_path: Path) -> None:
    window = Window(browser, server)
    docs = manual(tmp_path / "plant_manual", hostile=True)
    window.open("knowledge", urlencode({"knowledge": str(docs)}))
    window.page.get_by_text("documents read, 3 skipped").click()
    window.page.get_by_role("button", name="Use this folder in the launch form").click()
    window.page.get_by_text("Uses the folder").wait_for(timeout=600_000)
    window.page.get_by_text("Advanced").click()
    window.settle()
    window.shoot("knowledge-folder")
    assert window.page.get_by_label("Folder of documents").last.input_value() == str(docs)
    assert window.page.locator('[data-testid=stMain] img').count() == 0
    assert window.errors == []
    assert window.foreign == []
    window.close()
