"""The launch form while Advanced is folded: its fields are not sent, and their values hold all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.panels.launch_form import ADVANCED
from store import queries
from store.run_config import RunConfig
from tests.dashboard import stores

Opened = Callable[..., AppTest]


def launched(app: AppTest, folder: Path) -> list[RunConfig]:
    """Press the button; the settings of all runs of the store, without their names."""
    app.button(key="launch").click().run()
    assert not app.exception and not app.error
    store = stores.store_at(folder)
    found = [run.config for run in queries.all_runs(store)]
    store.close()
    return found


def test_a_folded_form_sends_few_fields_and_launches_what_the_open_one_does(tmp_path: Path, opened: Opened) -> None:
    configs = []
    for advanced in (False, True):
        folder = tmp_path / str(advanced)
        folder.mkdir()
        app = opened(folder, advanced=advanced)
        fields = sum(len(app.sidebar.get(kind)) for kind in ("text_input", "number_input", "selectbox", "checkbox"))
        assert fields > 40 if advanced else fields < 5
        configs += launched(app, folder)
    assert len(configs) == 2 and configs[0] == configs[1]


def test_what_was_set_under_advanced_is_launched_after_it_is_folded(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.number_input(key="launch embedded lora_rank").set_value(8)
    app.text_input(key="launch embedded name").set_value(" a name ")
    app.multiselect(key="launch embedded topics").set_value(["pods", "services", "jobs"])
    app.checkbox(key="launch embedded arm retrieval").check().run()
    app.multiselect(key="launch embedded new_topics").set_value(["rbac", "volumes"]).run()
    app.number_input(key="launch embedded new_topic_questions").set_value(6).run()
    app.session_state[ADVANCED] = False
    app.run()
    assert not app.sidebar.get("number_input")
    app.slider(key="launch embedded cycles").set_value(2).run()
    (config,) = launched(app, tmp_path)
    assert (config.lora_rank, config.name, config.cycles, config.new_topics, config.new_topic_questions) == (
        8, "a name", 2, ("rbac", "volumes"), 6)
    assert "retrieval" in config.arms


def test_several_seeds_are_launched_while_folded(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.text_input(key="launch seeds").set_value("3").run()
    app.session_state[ADVANCED] = False
    app.run()
    assert app.button(key="launch").label == "Launch runs"
    assert len({config.training_seed for config in launched(app, tmp_path)}) == 3


def test_advanced_stays_open_where_streamlit_forgets_it(tmp_path: Path, opened: Opened) -> None:
    """A browser's session loses it where the launch switches to the page Live; AppTest's does not by itself."""
    app = opened(tmp_path)
    assert app.sidebar.get("number_input")
    del app.session_state[ADVANCED]
    assert app.run().sidebar.get("number_input")
    app.session_state[ADVANCED] = False
    app.run()
    del app.session_state[ADVANCED]
    assert not app.run().sidebar.get("number_input"), "folded by a person it stays folded"
