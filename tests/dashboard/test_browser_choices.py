"""Choices in a real browser: a click anywhere in a row, keys, the Back button, a reload of the launch form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.folders import manual
from tests.dashboard.served import Server
from tests.dashboard.windows import Window

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def window(browser: Any, server: Server) -> Iterator[Window]:
    opened = Window(browser, server)
    yield opened
    assert opened.errors == []
    opened.close()


def click_row(window: Window, row: int, x: int) -> None:
    """Click a cell of the page's first table, so many pixels from its left edge."""
    table = window.page.locator("[data-testid=stMain] .dvn-scroller").first
    table.wait_for(timeout=600_000)
    table.click(position={"x": x, "y": 36 * row + 54})


def position(window: Window, number: int) -> None:
    window.page.get_by_text(f"Question {number} of ").wait_for(timeout=600_000)


def test_a_click_anywhere_in_a_row_and_j_and_k_open_an_answer_and_back_leaves_the_page(
        window: Window, all_states: tuple[Path, dict[str, str]]) -> None:
    page = window.page
    window.open("overview", f"run={all_states[1]['finished']}")
    page.get_by_test_id("stTopNavLink").filter(has_text="Answers").click()
    position(window, 1)
    window.settle()
    for row, x in ((2, 150), (3, 420)):
        click_row(window, row, x)
        position(window, row + 1)
    page.get_by_role("heading", name="Answers side by side").click()
    page.keyboard.press("j")
    position(window, 5)
    page.keyboard.press("k")
    position(window, 4)
    search = page.get_by_role("textbox", name="Text contains")
    search.fill("")
    search.press_sequentially("jkjk")
    assert search.input_value() == "jkjk", "letters that are typed lead nowhere"
    assert page.get_by_text("Question 4 of ").count() == 1


def test_a_table_that_gets_the_focus_keeps_the_question_in_view_and_arrows_lead_on(
        window: Window, all_states: tuple[Path, dict[str, str]]) -> None:
    page = window.page
    window.open("answers", f"run={all_states[1]['finished']}&question=held-out-0-17")
    shown = page.get_by_test_id("stMain").get_by_text(re.compile(r"^Question \d+ of "))
    before = int(shown.inner_text().split()[1])
    assert before > 1
    page.get_by_role("textbox", name="Text contains").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.tagName") == "CANVAS":
            break
    else:
        raise AssertionError("the table is not reached by Tab")
    page.wait_for_timeout(1_000)  # a selection by the focus would be sent within 0.2 s
    window.settle()
    position(window, before)
    page.keyboard.press("ArrowDown")
    position(window, before + 1)
    table, tools = (page.get_by_test_id("stMain").get_by_test_id(name).first.bounding_box()
                    for name in ("stDataFrame", "stElementToolbar"))
    assert table and tools and table["y"] < tools["y"], "the toolbar lies within its table"
    assert tools["y"] + tools["height"] <= table["y"] + table["height"]


def test_the_launch_button_stays_in_view_however_far_the_open_form_is_scrolled(window: Window) -> None:
    page = window.page
    window.open("system")
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_test_id("stSidebar").get_by_role("textbox", name="Folder of documents").wait_for(timeout=600_000)
    window.settle()
    last = page.get_by_test_id("stSidebar").get_by_role("button", name="Settings as YAML")
    for end in (last, page.get_by_role("heading", name="Launch a run")):
        end.scroll_into_view_if_needed()
        button = page.get_by_role("button", name="Launch run").bounding_box()
        assert button and 0 <= button["y"] <= 800 - button["height"]


def test_back_leaves_a_page_that_was_only_looked_at(window: Window, all_states: tuple[Path, dict[str, str]]) -> None:
    page = window.page
    window.open("overview", f"run={all_states[1]['finished']}")
    for name in ("Answers", "Compare"):
        page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
        page.wait_for_url(f"**/{name.lower()}*", timeout=600_000)
        window.settle()
    page.go_back()
    page.wait_for_url("**/answers*", timeout=600_000)
    page.go_back()
    page.get_by_role("heading", name="Did the student learn?").wait_for(timeout=600_000)


def test_the_form_survives_a_reload_and_advanced_stays_open_when_a_folder_is_entered(window: Window,
                                                                                    tmp_path: Path) -> None:
    page = window.page
    window.open("system")
    page.get_by_text("Advanced", exact=True).click()
    folder = page.get_by_test_id("stSidebar").get_by_role("textbox", name="Folder of documents")
    folder.fill(str(manual(tmp_path / "manual")))
    folder.press("Enter")
    page.get_by_text("Uses the folder").wait_for(timeout=600_000)
    window.settle()
    assert folder.is_visible(), "Advanced is still open"
    page.reload()
    page.get_by_text("Uses the folder").wait_for(timeout=600_000)
    page.get_by_text("Differs from the preset").wait_for(timeout=600_000)
