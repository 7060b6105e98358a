"""A teacher that its maker shuts down: announced 90 days before in the launch form and on Overview, then refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from store import queries
from store.costs import model_shutdowns
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

SOON = "gpt-4o-mini will be shut down on 14 January 2027, in 1 day; its maker recommends gpt-6-luna."
GONE = "gpt-4o-mini was shut down on 14 January 2027; its maker recommends gpt-6-luna"
BEFORE, LAST_SECOND, FIRST_SECOND = (datetime.datetime(*moment, tzinfo=datetime.UTC) for moment in (
    (2026, 10, 15, 12, 0, 0), (2027, 1, 13, 23, 59, 59), (2027, 1, 14, 0, 0, 0)))


@pytest.mark.parametrize(("now", "in_form", "on_overview"), [
    (BEFORE, "", ""), (LAST_SECOND, SOON, SOON), (FIRST_SECOND, "", f"{GONE}.")])
def test_a_shutdown_is_announced_where_the_model_is_chosen_and_where_it_was_used(
        tmp_path: Path, opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, now: datetime.datetime,
        in_form: str, on_overview: str) -> None:
    class Pinned(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return now

    run = stores.build("paid", tmp_path)
    monkeypatch.setattr(model_shutdowns, "datetime", Pinned)
    app = opened(tmp_path, run=run)
    assert not app.exception
    captions = [caption.value for caption in app.caption if "shut down" in caption.value]
    assert [caption.partition(": ")[2] for caption in captions] == ([on_overview] if on_overview else [])
    app.selectbox(key="launch preset").set_value("phi-2").run()
    warnings = [warning.value for warning in app.warning]
    assert (in_form in warnings) if in_form else not any("shut down" in warning for warning in warnings)
    if now == FIRST_SECOND:
        app.button(key="launch").click().run()
        assert f"{GONE}: name another with --teacher gpt-6-luna" in words_of(app).replace("\\", "")
        store = stores.store_at(tmp_path)
        assert [found.id for found in queries.all_runs(store)] == [run]
        store.close()
