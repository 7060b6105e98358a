"""Document fields of the launch form: a folder is used in a run, and all errors are reported."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.view_models.launch_request import config_from
from store.run_config import InvalidConfig
from tests.dashboard.conftest import words_of
from tests.dashboard.endpoint import endpoint
from tests.dashboard.folders import manual
from tests.dashboard.test_commands import runs_in
from tests.knowledge.other_languages import FOLDERS

Opened = Callable[..., AppTest]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return manual(tmp_path_factory.mktemp("docs") / "plant_manual")


def test_a_folder_goes_from_the_page_into_a_run(tmp_path: Path, folder: Path, opened: Opened) -> None:
    app = opened(tmp_path, "knowledge", knowledge=str(folder))
    app.button(key="use folder").click().run()
    assert not app.exception
    assert "Uses the folder" in words_of(app) and "The launch form uses this folder." in words_of(app)
    app.text_input(key="launch embedded knowledge_name").set_value("Plant")
    app.button(key="launch").click().run()
    (run,) = runs_in(tmp_path)
    assert (run.config.knowledge, run.config.knowledge_name, run.config.topics) == (str(folder), "Plant", ())


def test_a_folder_has_its_own_topics_and_its_new_ones(tmp_path: Path, folder: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch knowledge").set_value(f"  {folder}/  ").run()
    topics = app.multiselect(key=f"launch embedded topics {folder}")
    assert (topics.options, topics.value) == (["Queues", "Workers"], [])
    topics.set_value(["queues"]).run()
    app.multiselect(key="launch embedded new_topics").set_value(["workers"]).run()
    app.slider(key="launch embedded taught_questions").set_value(3)
    app.text_input(key="launch embedded held_out_set").set_value("spring")
    app.button(key="launch").click().run()
    assert not app.exception
    config = runs_in(tmp_path)[0].config
    assert (config.topics, config.new_topics, config.new_topic_questions) == (("queues",), ("workers",), 10)
    assert (config.taught_questions, config.held_out_set) == (3, "spring")


def test_a_topic_that_is_trained_after_all_is_no_new_one(tmp_path: Path, folder: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch knowledge").set_value(str(folder)).run()
    app.multiselect(key="launch embedded new_topics").set_value(["workers"]).run()
    app.multiselect(key=f"launch embedded topics {folder}").set_value(["workers"]).run()
    assert app.multiselect(key="launch embedded new_topics").value == []
    assert app.multiselect(key="launch embedded new_topics").options == ["Queues"]


def test_a_folder_that_cannot_be_read_is_refused_with_the_other_faults(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch knowledge").set_value(str(tmp_path / "gone")).run()
    app.text_input(key="launch embedded held_out_set").set_value("no name!")
    app.button(key="launch").click().run()
    assert not app.exception
    words = words_of(app)
    assert "there is no such folder" in words and "is no name" in words
    assert not list(tmp_path.iterdir())


def test_the_most_that_may_be_spent_is_only_asked_of_a_paid_teacher(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    assert app.number_input(key="launch embedded max_cost_usd").disabled
    app.selectbox(key="launch preset").select("phi-2").run()
    field = app.number_input(key="launch phi-2 max_cost_usd")
    assert (field.disabled, field.value) == (False, None)
    field.set_value(1.5)
    with endpoint() as address:
        app.text_input(key="launch phi-2 teacher_base_url").set_value(address)
        app.button(key="launch").click().run()
    assert runs_in(tmp_path)[0].config.max_cost_usd == 1.5


def test_faults_of_the_form_and_of_the_configuration_are_told_together() -> None:
    with pytest.raises(InvalidConfig) as caught:
        config_from("embedded", {"max_cost_usd": 0.0, "new_topics": ["pods"]}, ["the folder is gone"])
    told = "\n".join(caught.value.errors)
    assert all(part in told for part in ("the folder is gone", "max_cost_usd", "both trained and new", "go together"))
    with pytest.raises(InvalidConfig):
        config_from("embedded", {}, ["the folder is gone"])


def test_both_numbers_are_said_where_a_folder_holds_fewer_facts_than_are_asked_for(tmp_path: Path, folder: Path,
                                                                                   opened: Opened) -> None:
    app = opened(tmp_path)
    assert "are asked for" not in words_of(app), "the preset asks for no more than the built-in domain has"
    app.text_input(key="launch knowledge").set_value(str(folder)).run()
    app.slider(key="launch embedded questions").set_value(50).run()
    assert not app.exception
    said = [one.value for one in app.warning if "questions are asked for" in one.value]
    assert len(said) == 2 and re.search(r"Note: \d+ training questions are asked for, and the chosen topics have \d+ "
                                        "training passages that the offline teacher asks about", said[0])
    assert re.search(r"have \d+ held-out passages", said[1])
    app.text_input(key="launch embedded teacher").set_value("gpt-4o-mini").run()
    said = [one.value for one in app.warning if "questions are asked for" in one.value]
    assert said and "offline teacher" not in said[0]


def test_both_numbers_are_said_of_the_built_in_domain_too(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.multiselect(key="launch embedded topics").set_value(["pods"]).run()
    app.slider(key="launch embedded questions").set_value(50)
    app.slider(key="launch embedded cycles").set_value(10).run()
    assert any("500 training questions are asked for" in one.value for one in app.warning)


def test_a_folder_in_another_language_is_said_to_need_a_chat_teacher(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch knowledge").set_value(str(FOLDERS / "de")).run()
    assert any("the offline teacher asks in English only, and 48 of 48 passages" in one.value for one in app.warning)
    app.button(key="launch").click().run()
    assert "has no question about any of the 48 passages" in words_of(app) and not runs_in(tmp_path)
    app.text_input(key="launch embedded teacher").set_value("gpt-4o-mini").run()
    assert not any("English only" in one.value for one in app.warning)
