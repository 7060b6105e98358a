"""Launching and run commands through the dashboard: only a click writes, and only to the store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.view_models.launch_request import (
    DOUBLE_CLICK_SECONDS, IdempotencyToken, config_from, detectable_change_note, facts_note, field_key, form_settings,
    form_state, next_token, recipe_values,
)
from store import queries
from store.run_config import STUDY_PASSES, InvalidConfig, RunConfig
from store.presets import ONE_WORDING, PRESETS, preset
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.endpoint import endpoint
from tests.plain_runs import PLAIN, plain_run

Opened = Callable[..., AppTest]


def runs_in(folder: Path) -> list[queries.Run]:
    store = stores.store_at(folder)
    try:
        return queries.all_runs(store)
    finally:
        store.close()


def test_looking_writes_nothing(tmp_path: Path, opened: Opened) -> None:
    opened(tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_click_is_one_run_and_opens_it_live(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.slider(key="launch embedded questions").set_value(5)
    app.text_input(key="launch embedded name").set_value("from the form")
    app.button(key="launch").click().run()
    assert not app.exception
    (run,) = runs_in(tmp_path)
    assert (run.work, run.config.questions, run.name, run.requested_by) == ("queued", 5, "from the form", "dashboard")
    assert app.title[0].value == "Live"
    assert app.query_params["run"] == run.id
    assert "Queued (requested just now)" in words_of(app)


def test_a_double_click_is_one_run_and_a_later_click_another() -> None:
    first = next_token(None, 100.0)
    used = IdempotencyToken(first.token, used_at=100.0)
    assert next_token(used, 100.0 + DOUBLE_CLICK_SECONDS / 2).token == first.token
    assert next_token(used, 101.0 + DOUBLE_CLICK_SECONDS).token != first.token


def test_two_quick_clicks_in_the_app_launch_once(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.button(key="launch").click().run()
    app.button(key="launch").click().run()
    assert len(runs_in(tmp_path)) == 1


def test_every_fault_of_the_form_is_shown_and_nothing_is_queued(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch embedded teacher").set_value(" ")
    app.text_input(key="launch embedded teacher_base_url").set_value("ftp://somewhere")
    app.multiselect(key="launch embedded topics").set_value([])
    app.button(key="launch").click().run()
    words = words_of(app)
    for fault in ("teacher is empty", "does not begin with http", "no topics chosen"):
        assert fault in words
    assert not list(tmp_path.iterdir())


def test_the_other_preset_brings_its_own_values(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.selectbox(key="launch preset").select("phi-2").run()
    with endpoint() as address:
        app.text_input(key="launch phi-2 teacher_base_url").set_value(address)
        app.button(key="launch").click().run()
    (run,) = runs_in(tmp_path)
    assert (run.config.teacher, run.config.student, run.config.precision) == ("gpt-4o-mini", "microsoft/phi-2", "nf4")
    assert run.config.lora_rank == 16


def test_another_recipe_shows_and_launches_its_own_values(tmp_path: Path, opened: Opened) -> None:
    """As `--study off` does on the command line, in the fields that the form shows and in those that it does not."""
    app = opened(tmp_path)
    assert app.number_input(key="launch embedded learning_rate").value == 1.5e-3
    app.selectbox(key="launch embedded study").select("off").run()
    assert app.number_input(key="launch embedded learning_rate 0.0002").value == 2e-4
    assert app.number_input(key="launch embedded passes None").value is None
    app.button(key="launch").click().run()
    assert not app.exception
    (run,) = runs_in(tmp_path)
    wanted = preset("embedded", study="off")
    assert {name: getattr(run.config, name) for name in ONE_WORDING} == ONE_WORDING
    assert run.config == wanted


def test_what_the_form_leaves_as_shown_follows_from_what_was_chosen() -> None:
    off = config_from("embedded", {"study": "off", "passes": None, "learning_rate": 2e-4})
    assert off == preset("embedded", study="off")
    assert config_from("embedded", {"study": "off", "learning_rate": 1.5e-3}).learning_rate == 1.5e-3  # typed
    large = config_from("embedded", {"student": "some/model", "study": "rules", "learning_rate": 4e-4})
    assert large == preset("embedded", student="some/model")
    assert config_from("phi-2", {"study": "rules"}) == preset("phi-2", study="rules")
    short = config_from("embedded", {"passes": STUDY_PASSES, "minutes": 5.0})
    assert (short.passes, short.minutes) == (None, 5.0)
    assert config_from("embedded", {"passes": STUDY_PASSES, "steps": 7}).passes is None
    with pytest.raises(InvalidConfig, match="both set"):
        config_from("embedded", {"passes": 30.0, "minutes": 5.0})


def test_the_form_says_what_the_teachers_facts_cost_before_they_are_asked_for() -> None:
    values = {"study": "both", "teacher": "gpt-4o-mini", "questions": 10, "cycles": 2}
    note = facts_note("embedded", values)
    assert note and "facts of up to 20 passages" in note and "at list prices" in note and "at most 80 calls" in note
    assert facts_note("embedded", {"study": "rules"}) is None
    assert facts_note("embedded", {"study": "teacher"}) is None  # refused: the offline teacher writes none
    with pytest.raises(InvalidConfig, match="writes no wordings of its own"):
        config_from("embedded", {"study": "teacher"})


@pytest.mark.parametrize("config", [
    preset("embedded", study="off"), preset("embedded", study="off", learning_rate=5e-4),
    preset("phi-2", study="rules"), preset("embedded", minutes=3.0)])
def test_a_run_taken_as_a_template_gives_its_recipe_again(config: RunConfig) -> None:
    state = form_state(config, "folder")
    shown = recipe_values(PRESETS[config.preset], dataclasses.asdict(config))
    values = {item.name: state[field_key(config.preset, item.name, shown)] for item in form_settings()
              if field_key(config.preset, item.name, shown) in state}
    again = config_from(config.preset, values | {"knowledge": state["folder"], "arms": config.arms})
    assert again == config


def test_the_server_checks_what_the_browser_should_have() -> None:
    with pytest.raises(InvalidConfig) as caught:
        config_from("embedded", {"questions": 1001, "cycles": 0, "held_out": 1001, "temperature": 9.0})
    assert len(caught.value.errors) == 4
    with pytest.raises(InvalidConfig):
        config_from("no such preset", {})


def test_the_power_note_says_what_can_be_seen() -> None:
    usual, runs = detectable_change_note(PLAIN | {"held_out": 40})
    assert runs is None
    assert "0.23" in usual and "40 test questions" in usual and "choice accuracy" in usual and "usual" in usual
    assert "0.11" in detectable_change_note(PLAIN | {"held_out": 40, "headline": "answer_similarity"})[0]
    assert "no verdict" in detectable_change_note(PLAIN | {"held_out": 5})[0]
    assert "No test questions" in detectable_change_note(PLAIN | {"held_out": 0})[0]
    assert "36 test questions" in detectable_change_note({"questions": 12, "cycles": 3, "held_out": 5})[0]


def test_the_power_note_of_the_form_goes_by_past_runs_like_it(tmp_path: Path, opened: Opened,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "embedded", plain_run())
    run = stores.build("finished", tmp_path)
    notes = [caption for caption in opened(tmp_path, "overview").caption if "can only detect" in caption.value]
    assert len(notes) == 1 and "1 comparable past run" in notes[0].value
    assert run in notes[0].proto.help


def test_a_queued_run_is_cancelled_by_its_button(tmp_path: Path, opened: Opened) -> None:
    stores.build("queued", tmp_path)
    app = opened(tmp_path, "live")
    app.button(key="command cancel").click().run()
    assert runs_in(tmp_path)[0].work == "cancelled"
    assert {button.key for button in app.button if str(button.key).startswith("command")} == {
        "command resume", "command retry"}


def test_a_waiting_run_says_what_comes_first_and_goes_to_the_front(tmp_path: Path, opened: Opened) -> None:
    first, last = stores.build("queued", tmp_path), stores.build("queued", tmp_path)
    app = opened(tmp_path, "live", run=last)
    assert "1 run ahead in the queue." in words_of(app)
    app.button(key="command prioritise").click().run()
    assert "Next in the queue." in words_of(app)
    assert [run.id for run in queries.queue(stores.store_at(tmp_path))] == [last, first]
    assert not [button for button in app.button if button.key == "command prioritise"]


def test_a_running_run_is_asked_and_says_so(tmp_path: Path, opened: Opened) -> None:
    stores.build("running", tmp_path)
    app = opened(tmp_path, "live")
    app.button(key="command pause").click().run()
    assert runs_in(tmp_path)[0].stop_requested == "pause"
    assert "Requested: pause." in words_of(app)


def test_a_failed_run_is_retried(tmp_path: Path, opened: Opened) -> None:
    stores.build("failed", tmp_path)
    app = opened(tmp_path, "live")
    app.button(key="command retry").click().run()
    assert runs_in(tmp_path)[0].work == "queued"


def test_the_same_run_is_launched_again_from_history(tmp_path: Path, opened: Opened) -> None:
    run = stores.build("finished", tmp_path)
    app = opened(tmp_path, "history")
    app.session_state["run table"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    app.button(key="repeat").click()
    app.session_state["run table"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    newest, first = runs_in(tmp_path)
    assert first.id == run and newest.config == first.config and newest.work == "queued"
