"""Where things stand in the window: what people reported of single pages, at the widths at which they saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.served import Server
from tests.dashboard.windows import NARROW, PHONE, WIDE, Window

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def window(browser: Any, server: Server, request: pytest.FixtureRequest) -> Iterator[Window]:
    opened = Window(browser, server, width=getattr(request, "param", WIDE))
    yield opened
    opened.close()


@pytest.mark.parametrize("window", [WIDE, NARROW], indirect=True)
def test_none_of_the_four_texts_of_an_answer_stands_alone_in_a_row(window: Window,
                                                                   all_states: tuple[Path, dict[str, str]]) -> None:
    window.open("answers", f"run={all_states[1]['finished']}&question=0")
    window.shoot(f"answers-detail-{window.width}")
    rows = Counter(round(window.page.get_by_text(words, exact=False).first.bounding_box()["y"] / 8) for words in (
        "Before (untrained)", "After (fine-tuned)", "Reference (teacher)", "Evidence"))
    assert set(rows.values()) <= {2, 4}, rows


def test_the_first_tab_stop_leads_past_the_form_to_the_page(window: Window) -> None:
    window.open("overview")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.innerText") == "Skip to main content"
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.querySelector('[data-testid=stMain]').contains(document.activeElement)")


@pytest.mark.parametrize("window", [PHONE], indirect=True)
def test_the_legend_of_the_times_is_whole_on_a_phone(window: Window, all_states: tuple[Path, dict[str, str]]) -> None:
    run = all_states[1]["finished"]
    window.open("compare", f"cycles={run}:1,{run}:2")
    window.shoot("compare-phone")
    chart = window.page.get_by_role("group", name="Duration of the stages, by cycle")
    named = chart.locator(".legend > span")
    assert named.count() > 5
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE for box in (
        named.nth(at).bounding_box() for at in range(named.count())))
