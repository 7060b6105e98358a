"""Whether what is written can be read: contrast by WCAG, computed from the colours of the theme and of the charts."""

from __future__ import annotations

import tomllib

import pytest

from dashboard import palette
from tests.dashboard.served import ROOT

AA = 4.5
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]


def luminance(color: str) -> float:
    parts = [int(color[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_links_code_and_buttons_reach_aa_in_either_theme(scheme: str) -> None:
    theme = THEME[scheme]
    grounds = (theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"],
               theme["sidebar"]["secondaryBackgroundColor"])
    ratios = {f"text on {ground}": contrast(theme["textColor"], ground) for ground in grounds}
    ratios["link"] = contrast(theme["linkColor"], theme["backgroundColor"])
    ratios["code"] = contrast(theme["codeTextColor"], theme["codeBackgroundColor"])
    ratios["white on a button"] = contrast("#ffffff", theme["primaryColor"])
    assert {what: round(ratio, 2) for what, ratio in ratios.items() if ratio < AA} == {}


def test_what_is_written_on_the_fields_of_charts_reaches_aa() -> None:
    fills = {name: color for name, color in palette.WORK_FILL.items() if color.startswith("#")}
    fills |= {f"topics at {at}": str(color) for at, color in palette.DIVERGING}
    ratios = {name: contrast(palette.ON_FILL, color) for name, color in fills.items()}
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < AA} == {}
