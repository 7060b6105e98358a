"""History: headline change of each run, chosen columns, and actions on several runs at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.view_models.interval_image import interval_image, reach_of
from store import queries
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.made_content import TOPICS

Opened = Callable[..., AppTest]


def select(app: AppTest, *rows: int) -> AppTest:
    app.session_state["run table"] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def click(app: AppTest, key: str) -> AppTest:
    return next(button for button in app.button if button.key == key).click().run()


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[Path, list[str]]:
    """A store with two finished runs and a queued one, newest first."""
    store = stores.store_at(tmp_path)
    ids = [stores.finished(store, stores.long_ago(9 - number), (0.1,), number, name=f"run {number}", held_out=10,
                           topics=TOPICS[:2]) for number in (1, 2)]
    ids.append(stores.queued(store, stores.long_ago(1)))
    store.close()
    return tmp_path, ids[::-1]


def test_each_run_shows_its_headline_change_with_its_interval(two_runs: tuple[Path, list[str]],
                                                              opened: Opened) -> None:
    folder, ids = two_runs
    app = opened(folder, "history")
    table = app.dataframe[0].value.set_index("run")
    store = stores.store_at(folder)
    runs = [queries.find_run(store, run) for run in ids]
    found = queries.headline_changes(store, [run for run in runs if run])
    store.close()
    assert set(found) == set(ids[1:]), "a queued run has none"
    assert table.loc[ids[1], "change"] == pytest.approx(found[ids[1]].change)
    assert str(table.loc[ids[1], "interval"]).startswith("data:image/svg+xml;base64,")
    assert table.loc[ids[1], "training length"] == "60 steps"
    app.multiselect(key="history columns").set_value(["created", "margin"]).run()
    assert list(app.dataframe[0].value.columns) == ["name", "created", "margin"]


def test_the_interval_of_a_table_shares_one_scale(two_runs: tuple[Path, list[str]]) -> None:
    store = stores.store_at(two_runs[0])
    row = queries.headline_changes(store, queries.all_runs(store))[two_runs[1][1]]
    store.close()
    assert reach_of([row]) == max(abs(row.low or 0), abs(row.high or 0))
    assert interval_image(row, 1.0, "#000") != interval_image(row, 2.0, "#000")
    assert interval_image(None, 1.0, "#000") is None


def test_several_runs_are_compared_tagged_archived_and_deleted(two_runs: tuple[Path, list[str]],
                                                               opened: Opened) -> None:
    folder, ids = two_runs
    app = select(opened(folder, "history"), 0, 1, 2)
    assert "3 runs selected" in words_of(app)
    links = [link for link in app.get("page_link") if link.proto.label == "Compare"]
    assert len(links) == 1 and all(f"{run}:1" in links[0].proto.query_string.replace("%3A", ":") for run in ids[1:])
    next(field for field in app.text_input if field.label.startswith("Add tags")).set_value("paper, second")
    next(button for button in app.button if button.label == "Add").click().run()
    assert not app.exception
    click(select(app, 1, 2), "archive many")
    store = stores.store_at(folder)
    runs = {run.id: run for run in queries.all_runs(store)}
    assert all(run.tags == ("paper", "second") for run in runs.values())
    assert {name for name, run in runs.items() if run.archived} == set(ids[1:])
    app = opened(folder, "history")
    app.toggle(key="history archive").set_value(True).run()
    app = click(select(app, 0, 1), "delete many")
    assert not app.exception and [run.id for run in queries.all_runs(store)] == ids[:1]
    store.close()


def test_a_run_that_has_not_ended_is_not_deleted_with_others(two_runs: tuple[Path, list[str]], opened: Opened) -> None:
    folder, ids = two_runs
    app = click(select(opened(folder, "history"), 0, 1), "delete many")
    assert not app.exception
    store = stores.store_at(folder)
    assert [run.id for run in queries.all_runs(store)] == [ids[0], ids[2]]
    store.close()


def test_a_run_is_renamed_and_its_configuration_keeps_the_name_of_its_launch(two_runs: tuple[Path, list[str]],
                                                                            opened: Opened) -> None:
    folder, ids = two_runs
    app = select(opened(folder, "history"), 1)
    next(field for field in app.text_input if field.label == "Name").set_value("the good one")
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    store = stores.store_at(folder)
    run = queries.find_run(store, ids[1])
    assert run and (run.name, run.config.name) == ("the good one", "run 2")
    store.close()
