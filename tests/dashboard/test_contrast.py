"""Contrast by WCAG: of the colours of themes and charts, and as rendered by the browser."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dashboard.style import theme
from tests.dashboard import readable
from tests.dashboard.readable import AA
from tests.dashboard.served import ROOT, Server
from tests.dashboard.windows import Window

THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]


def luminance(color: str) -> float:
    parts = [int(color[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_links_and_code_reach_aa_in_either_theme(scheme: str) -> None:
    colours = THEME[scheme]
    grounds = (colours["backgroundColor"], colours["secondaryBackgroundColor"], colours["sidebar"]["backgroundColor"],
               colours["sidebar"]["secondaryBackgroundColor"])
    ratios = {f"text on {ground}": contrast(colours["textColor"], ground) for ground in grounds}
    ratios["link"] = contrast(colours["linkColor"], colours["backgroundColor"])
    ratios["code"] = contrast(colours["codeTextColor"], colours["codeBackgroundColor"])
    assert {what: round(ratio, 2) for what, ratio in ratios.items() if ratio < AA} == {}


def test_what_is_written_on_the_fields_of_charts_reaches_aa() -> None:
    fills = {name: color for name, color in theme.WORK_FILL.items() if color.startswith("#")}
    fills |= {f"topics at {at}": str(color) for at, color in theme.DIVERGING}
    ratios = {name: contrast(theme.ON_FILL, color) for name, color in fills.items()}
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < AA} == {}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_chosen_pressed_and_set_reaches_aa_as_the_browser_draws_it(
        scheme: str, browser: Any, server: Server, all_states: tuple[Path, dict[str, str]]) -> None:
    window = Window(browser, server, scheme)
    for page, looked_at in {"overview": {"Learning curve", "Launch run", "Pods", "12", "Cycle 3"},
                            "answers": {"Browse"}}.items():
        window.open(page, f"run={all_states[1]['finished']}")
        assert looked_at <= {text["words"] for text in readable.texts(window.page)}
        assert readable.faint(window.page) == []
    window.open("history")
    rows = window.page.get_by_test_id("stDataFrame").bounding_box()
    assert rows
    window.page.mouse.click(rows["x"] + 16, rows["y"] + 36 * 3.5)  # the third row, which is over; the table is a canvas
    window.page.get_by_role("button", name="Delete …").click()
    window.page.get_by_role("button", name="Yes, delete it").wait_for()
    window.settle()
    assert readable.faint(window.page) == []
    window.close()
