"""Small tables as HTML: markup in a cell is text, and a table that a phone scrolls is reached by keyboard."""

from __future__ import annotations

from xml.etree import ElementTree

from dashboard.widgets.html_table import html_table
from tests.dashboard import stores


def test_a_cell_is_text_whatever_it_says() -> None:
    table = ElementTree.fromstring(html_table([{"title": stores.EVIL, "n": 3, "gain": None}]))
    assert [heading.text for heading in table.iter("th")] == ["Title", "N", "Gain"]
    assert [cell.text for cell in table.iter("td")] == [stores.EVIL, "3", "–"]
    assert not [one for one in table.iter() if one.tag in ("img", "script")]


def test_a_table_too_wide_for_a_phone_is_reached_by_keyboard_and_has_a_name() -> None:
    wide = ElementTree.fromstring(html_table([dict.fromkeys("abcd", 1)]))
    assert (wide.get("tabindex"), wide.get("role")) == ("0", "region") and wide.get("aria-label")
    assert ElementTree.fromstring(html_table([dict.fromkeys("abc", 1)])).get("tabindex") is None
