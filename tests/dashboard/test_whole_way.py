"""A person's whole way in a real browser with a real runner, without the command line: by mouse, and by keyboard alone.

Launch with own settings, watch, be told, compare with an earlier run answer by answer, find the worst regression, rate
twenty blind, hand over the pack.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.served import serve
from tests.dashboard.test_flow import choose_topics, runner_at, slide
from tests.dashboard.windows import Window

pytestmark = [pytest.mark.browser, pytest.mark.slow]
_WATCH_SHIFTS = """() => {
  window.shifts = 0;
  window.watching ||= new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  });
  window.watching.observe({type: 'layout-shift', buffered: false});
}"""


def small_form(window: Window) -> None:
    """Fill the form for a small run of the fakes' domain."""
    for label, value in (("Cycles", 1), ("Training questions per cycle", 6), ("Held-out questions", 8)):
        slide(window, label, value)
    choose_topics(window, "Pods", "Services", "Jobs and CronJobs")


def launched(window: Window, name: str) -> None:
    """Launch the form's run under a name, and wait until its tab says how it ended."""
    page = window.page
    field = page.get_by_test_id("stSidebar").get_by_role("textbox", name="Name", exact=True)
    field.fill(name)
    field.press("Enter")
    window.settle()
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/live?run=*", timeout=600_000)
    page.evaluate(_WATCH_SHIFTS)
    page.wait_for_function("() => document.title.includes('%')", timeout=600_000)
    page.get_by_text("See the result").wait_for(timeout=600_000)
    window.settle()
    assert name in page.title() and "%" not in page.title()
    assert page.evaluate("() => window.shifts") < 0.1, "the page stays where it is when a run starts and ends"


def test_from_the_launch_to_the_evidence_pack_without_the_command_line(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path) as server, runner_at(tmp_path):
        window = Window(browser, server)
        page = window.page
        window.open("overview")
        page.get_by_text("Runner online").wait_for(timeout=600_000)
        small_form(window)
        page.get_by_text("Advanced", exact=True).click()
        set_to = page.get_by_test_id("stSidebar").get_by_role("textbox", name="Shared test set")
        set_to.fill("both")
        set_to.press("Enter")
        window.settle()
        launched(window, "yesterday")
        launched(window, "today")
        window.shoot("way-ended")

        page.get_by_role("link", name="History").click()
        boxes = page.locator("[data-testid=stMain] .dvn-scroller").first
        boxes.wait_for(timeout=600_000)
        window.settle()
        for row in range(2):
            boxes.click(position={"x": 16, "y": 36 * row + 54})
            window.settle()
        page.get_by_text("2 runs selected").wait_for(timeout=600_000)
        page.get_by_role("link", name="Compare", exact=True).last.click()
        page.get_by_role("heading", name="Answers side by side").wait_for(timeout=600_000)
        window.settle()
        page.get_by_role("button", name="Next").click()
        page.get_by_text("Question 2 of ").wait_for(timeout=600_000)
        window.shoot("way-compared")

        page.get_by_test_id("stTopNavLink").filter(has_text="Overview").click()
        page.get_by_role("heading", name="Did the student learn?").wait_for(timeout=600_000)
        window.settle()  # Compare has such links too
        page.get_by_text(re.compile("Worst regressions|Read the answers")).click()
        page.get_by_text("Word diff").wait_for(timeout=600_000)
        page.get_by_text("Question 1 of ").wait_for(timeout=600_000)
        window.settle()
        page.get_by_test_id("stMain").get_by_role("combobox", name=re.compile("Questions")).click()
        page.get_by_role("option", name="All questions").click()
        page.get_by_text("Question 1 of 20").wait_for(timeout=600_000)
        window.settle()
        page.get_by_text("Blind A/B rating").click()
        page.get_by_role("heading", name="Answers side by side").click()  # arrow keys are the segments' until then
        for rated in range(1, 21):
            page.get_by_role("button", name="A is better").wait_for(timeout=600_000)
            page.keyboard.press(("ArrowLeft", "ArrowDown", "ArrowRight")[rated % 3])
            page.get_by_text(f"You have rated {rated} of").wait_for(timeout=600_000)
            window.settle()
        page.get_by_test_id("stTopNavLink").filter(has_text="Overview").click()
        page.get_by_role("button", name="Evidence pack").click()
        with page.expect_download(timeout=600_000) as pack:
            page.get_by_role("button", name="Evidence as HTML").click()
        assert "Content-Security-Policy" in Path(pack.value.path()).read_text()
        assert window.errors == [] and window.foreign == []
        window.close()


_FOCUSED = """() => {
  const one = document.activeElement;
  const name = one.getAttribute('aria-label') || one.labels?.[0]?.innerText || one.innerText || '';
  return one === document.body ? '' : name.trim();
}"""


_OPTION = """() => document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))
  ?.innerText.trim()"""


def tab_to(window: Window, name: str, key: str = "Tab", within: int = 120) -> None:
    """Press a key, by default Tab, until an element whose name begins so has the focus."""
    window.settle()
    passed: list[str] = []
    for _ in range(within):
        window.page.keyboard.press(key)
        passed.append(str(window.page.evaluate(_FOCUSED)))
        lines = passed[-1].split("\n\n")  # of a button: its icon, its label and its key
        if len(lines) <= 3 and any(line.startswith(name) for line in lines):
            return
    raise AssertionError(f"{name!r} is not reached: {passed}")


def choose_by_keyboard(window: Window, *names: str) -> None:
    """Choose these topics alone; every key waits for what the one before did."""
    page, keys = window.page, window.page.keyboard
    tab_to(window, "Clear all")
    keys.press("Enter")
    page.get_by_text("Topics (0 of ").wait_for(timeout=600_000)
    tab_to(window, "Topics", "Shift+Tab")
    for count, name in enumerate(names, 1):
        keys.type(name)
        page.get_by_role("option", name=name, exact=True).wait_for(timeout=600_000)
        while page.evaluate(_OPTION) != name:  # the first may choose all that match
            keys.press("ArrowDown")
        keys.press("Enter")
        page.get_by_text(f"Topics ({count} of ").wait_for(timeout=600_000)
        window.settle()
    keys.press("Escape")
    assert page.locator("[data-testid=stSidebar] [data-tag]").all_inner_texts() == list(names)


def slide_by_keyboard(window: Window, label: str, to: int) -> None:
    """Move a slider of the launch form, a step at a time, to a value on its left."""
    tab_to(window, label)
    value = "() => Number(document.activeElement.value)"
    while (now := int(window.page.evaluate(value))) > to:
        window.page.keyboard.press("ArrowLeft")
        window.page.wait_for_function(f"{value.removeprefix('() => ')} < {now}", timeout=600_000)
    window.settle()


def test_the_same_way_by_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    with serve(tmp_path) as server, runner_at(tmp_path):
        window = Window(browser, server, "dark")
        page, keys = window.page, window.page.keyboard
        window.open("overview")
        page.get_by_text("Runner online").wait_for(timeout=600_000)
        choose_by_keyboard(window, "Pods", "Services", "Jobs and CronJobs")
        slide_by_keyboard(window, "Training questions per cycle", 6)
        slide_by_keyboard(window, "Held-out questions", 8)
        tab_to(window, "Launch run")
        keys.press("Enter")
        page.wait_for_url("**/live?run=*", timeout=600_000)
        page.get_by_text("See the result").wait_for(timeout=600_000)

        tab_to(window, "Read the answers")
        keys.press("Enter")
        page.get_by_text("Question 1 of ").wait_for(timeout=600_000)
        window.settle()
        keys.press("j")
        page.get_by_text("Question 2 of ").wait_for(timeout=600_000)
        tab_to(window, "Browse")
        keys.press("ArrowRight")
        assert page.evaluate(_FOCUSED) == "Blind A/B rating"
        keys.press("Enter")
        page.get_by_role("button", name="A is better").wait_for(timeout=600_000)
        for rated in (1, 2):
            tab_to(window, "A is better")
            keys.press("Enter")
            page.get_by_text(f"You have rated {rated} of").wait_for(timeout=600_000)

        tab_to(window, "Overview")
        keys.press("Enter")
        page.get_by_role("button", name="Evidence pack").wait_for(timeout=600_000)
        tab_to(window, "Evidence pack")
        keys.press("Enter")
        page.get_by_role("button", name="Evidence as HTML").wait_for(timeout=600_000)
        with page.expect_download(timeout=600_000):
            tab_to(window, "Evidence as HTML")
            keys.press("Enter")
        assert window.errors == [] and window.foreign == []
        window.close()
