"""A run that has ended: the tab says so, the page leads on, a failure is said once; and which run pages open on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.run_changes import AXES
from dashboard.panels.run_changes import UNFOLDED
from dashboard.style import labels
from dashboard.view_models import run_selection, stage_board
from dashboard.view_models.stage_board import CANCELLED
from store import events as happened
from store import queries
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.run_maker import RunMaker, clock_at

Opened = Callable[..., AppTest]
AllStates = tuple[Path, dict[str, str]]


@pytest.fixture
def runs(all_states: AllStates) -> dict[str, queries.Run]:
    store = stores.store_at(all_states[0])
    found = {name: queries.find_run(store, run) for name, run in all_states[1].items()}
    store.close()
    return {name: run for name, run in found.items() if run}


def test_the_tab_says_how_far_a_run_is_and_how_it_ended(runs: dict[str, queries.Run]) -> None:
    assert labels.tab_title(runs["running"], 0.414) == "41% · the same, more steps · Live"
    assert labels.tab_title(runs["queued"], 0.0).startswith("Queued · ")
    assert labels.tab_title(runs["finished"], 1.0) == "▲ Improved · three cycles on five topics · Live"
    assert labels.tab_title(runs["failed"], 0.3) == "✗ Failed · broken student · Live"


def test_a_finished_run_leads_to_its_result_and_to_another_run_like_it(all_states: AllStates, opened: Opened) -> None:
    folder, ids = all_states
    app = opened(folder, "live", run=ids["finished"])
    links = [link.proto.label for link in app.main.get("page_link")]
    assert links == ["See the result", "Read the answers", "Try the student"]
    next(button for button in app.button if button.key == "edit and rerun").click().run()
    assert not app.exception and app.slider(key="launch embedded cycles").value == 3
    assert "See the result" not in [link.proto.label for link in opened(folder, "live", run=ids["failed"]).get(
        "page_link")]


def test_a_failure_is_said_once_above_the_log(state_folders: dict[str, tuple[Path, str | None]],
                                              opened: Opened) -> None:
    words = words_of(opened(state_folders["failed"][0], "live"))
    assert words.count("The model folder has no config.json.") == 1
    assert "batch size halved to 2" in words, "what was tried before stays among errors and retries"


def test_a_queued_run_has_no_empty_sections(state_folders: dict[str, tuple[Path, str | None]], opened: Opened) -> None:
    app = opened(state_folders["queued"][0], "live")
    assert [heading.value for heading in app.main.subheader] == []


def test_a_cancelled_stage_has_no_pause_sign(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    with clock_at(stores.long_ago(1)) as clock:
        maker = RunMaker(store, stores.config_of(), clock).start().opening()
        maker.cycle(1, until="baseline")
        maker.say(happened.RunCancelled())
    run = queries.find_run(store, maker.run)
    assert run and run.work == "cancelled"
    cells = stage_board.board(run, queries.stages_of(store, run.id), queries.cycles_of(store, run.id))
    assert [cell.stage for cell in cells if cell.state == CANCELLED] == ["baseline"]
    store.close()


def test_pages_open_on_a_champion_then_on_a_tested_run_and_never_on_a_toy_before_it(
        runs: dict[str, queries.Run]) -> None:
    toy = dataclasses.replace(runs["finished"], id="toy", verdict="too few to say")
    small = dataclasses.replace(runs["small"], id="tested")
    assert run_selection.newest_finished([runs["running"], toy, small]) is small
    assert run_selection.newest_finished([runs["running"], toy]) is toy
    queued = dataclasses.replace(runs["running"], id="queued", work="queued")
    assert run_selection.newest_finished([queued, runs["running"]]) is runs["running"]  # rather than an empty page
    champion = dataclasses.replace(small, id="old", tags=(run_selection.CHAMPION,))
    assert run_selection.newest_finished([toy, small, champion]) is champion


def test_a_champion_is_pinned_and_unpinned_from_history(tmp_path: Path, opened: Opened) -> None:
    run = str(stores.build("finished", tmp_path))
    for label, tags in (("Pin as champion", ("champion",)), ("Unpin", ())):
        app = opened(tmp_path, "history")
        app.session_state["run table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
        button = next(button for button in app.run().button if button.key == "champion")
        assert button.label == label
        button.click().run()
        store = stores.store_at(tmp_path)
        found = queries.find_run(store, run)
        store.close()
        assert found and found.tags == tags


@pytest.mark.parametrize("axis", AXES)
def test_history_draws_the_change_of_all_runs_over_time_and_settings(axis: str, all_states: AllStates,
                                                                     opened: Opened) -> None:
    app = opened(all_states[0], "history", **{"history axis": axis})
    assert not app.get("plotly_chart"), "drawn when it is opened"
    app.session_state[UNFOLDED] = True
    app.run()
    assert not app.exception
    charts = [chart for chart in app.get("plotly_chart") if "Multiple-choice accuracy" in chart.proto.spec]
    assert bool(charts) == (axis != "cost"), "no run of this store has a paid teacher"
