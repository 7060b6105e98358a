"""A team's price file that was broken by hand: every page says so in one sentence and still opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.view_models import launch_request
from store.costs.prices import price_fault
from store.run_config import InvalidConfig
from tests.dashboard import stores
from tests.dashboard.conftest import PAGES, words_of


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("broken")
    run = stores.build("paid", folder)
    assert run
    (folder / "prices.json").write_text('{"gpt-4o-mini": {"prompt_usd": -1}}')
    yield folder, run


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_so_once_and_opens(page: str, paid: tuple[Path, str], opened: Callable[..., AppTest]) -> None:
    app = opened(paid[0], page, run=paid[1])
    assert not app.exception
    words = words_of(app)
    assert words.count("completion_usd is missing") == 1 and "Traceback" not in words
    assert "No price is known, because the price file of this data folder cannot be used." in words


def test_nothing_is_launched_and_the_form_names_the_file(paid: tuple[Path, str],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(paid[0]))
    with pytest.raises(InvalidConfig, match=r"prices\.json: gpt-4o-mini: completion_usd is missing"):
        launch_request.config_from("embedded", {})
    (paid[0] / "prices.json").unlink()
    assert price_fault() is None and launch_request.config_from("embedded", {}).preset == "embedded"
