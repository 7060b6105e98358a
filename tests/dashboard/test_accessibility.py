"""No page has a serious fault by axe-core, the accessibility engine: in a wide window, a phone, and both themes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboard.accessibility import serious_faults
from tests.dashboard.conftest import PAGES
from tests.dashboard.served import Server
from tests.dashboard.windows import PHONE, WIDE, Window

pytestmark = [pytest.mark.browser, pytest.mark.slow]
KINDS = {"light": ("light", WIDE), "dark-phone": ("dark", PHONE)}


@pytest.fixture(scope="module", params=KINDS)
def window(request: pytest.FixtureRequest, browser: Any, server: Server) -> Iterator[Window]:
    opened = Window(browser, server, *KINDS[request.param])
    yield opened
    opened.close()


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_serious_fault(page: str, window: Window) -> None:
    window.open(page)
    assert serious_faults(window.page) == []


def test_a_fault_is_found(window: Window) -> None:
    window.open("system")
    window.page.evaluate("() => document.querySelector('h1').insertAdjacentHTML('afterend', '<button></button>')")
    assert any(fault.startswith("button-name") for fault in serious_faults(window.page))
