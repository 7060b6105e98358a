"""The launch form as text and over time: what differs from the preset, YAML, a draft that survives a reload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.access import student_folder
from dashboard.session import form_draft
from dashboard.view_models import launch_request, settings_yaml
from store import queries
from store.presets import PRESETS, preset
from store.run_config import InvalidConfig
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]


def test_the_form_says_what_differs_from_the_preset() -> None:
    assert launch_request.differences_note("embedded", {}) == ""
    found = launch_request.differences_note("embedded", {"cycles": 3, "lora_rank": 16, "fine_tune": False, "name": "x"})
    assert found == "Differs from the preset: Cycles 3, Fine-tuning off, LoRA rank 16."
    assert launch_request.differences_note("embedded", {"cycles": 99}) == "", "the launch says what is wrong"


@pytest.mark.parametrize("config", [*PRESETS.values(), preset("embedded", cycles=2, lora_rank=8, arms=("placebo",),
                                                              topics=("pods", "jobs"), margin=0.1, passes=5.0)])
def test_settings_written_as_yaml_are_read_as_the_same_run(config: object) -> None:
    assert settings_yaml.read(settings_yaml.written(config)) == config  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "fault"), [
    ("cycles: 99", "cycles 99"), ("cycle: 2", "did you mean cycles?"), ("cycles: two", "is not a whole number"),
    ("fine_tune: 1", "is not true or false"), ("topics: pods", "is not a list"), ("just words", "name: value"),
    ("a: [", "not YAML"), ("", "name: value"), ("preset: none", "unknown preset"),
    ("!!python/object/apply:os.system ['true']", "not YAML")])
def test_what_cannot_be_used_is_one_sentence(text: str, fault: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        settings_yaml.read(text)
    assert any(fault in error for error in refused.value.errors), refused.value.errors


def test_pasted_settings_fill_the_form_and_launch(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_area(key="settings pasted").set_value("cycles: 2\nlora_rank: 8\nname: from a note")
    app.button(key="use settings").click().run()
    assert not app.exception and app.slider(key="launch embedded cycles").value == 2
    assert "Differs from the preset: Cycles 2, LoRA rank 8." in words_of(app).replace("\\", "")
    app.button(key="launch").click().run()
    store = stores.store_at(tmp_path)
    (run,) = queries.all_runs(store)
    store.close()
    assert (run.config.cycles, run.config.lora_rank, run.name) == (2, 8, "from a note")


def test_pasted_nonsense_leaves_the_form_as_it_was(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_area(key="settings pasted").set_value("cycles: many")
    app.button(key="use settings").click().run()
    assert not app.exception and "cycles 'many' is not a whole number" in words_of(app)
    assert app.slider(key="launch embedded cycles").value == 1


def test_a_reload_keeps_the_draft(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.slider(key="launch embedded cycles").set_value(4).run()
    app.text_input(key="launch embedded name").set_value("a draft").run()
    again = opened(tmp_path)
    assert again.slider(key="launch embedded cycles").value == 4
    assert again.text_input(key="launch embedded name").value == "a draft"
    form_draft.clear()
    assert opened(tmp_path).slider(key="launch embedded cycles").value == 1


@pytest.mark.parametrize(("student", "fault"), [
    ("/nowhere/model", "there is no such folder"), ("~/nowhere/model", "there is no such folder"),
    ("EMPTY", "has no config.json"), ("MODEL", None), ("some/model", None), ("embedded", None)])
def test_a_student_folder_is_looked_at_before_the_launch(student: str, fault: str | None, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "model").mkdir()
    if student == "MODEL":
        (tmp_path / "model" / "config.json").write_text("{}")
    found = student_folder.fault_of(str(tmp_path / "model") if student in ("EMPTY", "MODEL") else student)
    assert found is None if fault is None else fault in (found or "")


def test_a_missing_student_folder_is_refused_by_the_form(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch embedded student").set_value("/nowhere/model").run()
    app.button(key="launch").click().run()
    assert "there is no such folder" in words_of(app) and not list(tmp_path.iterdir())
