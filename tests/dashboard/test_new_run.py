"""The page New run, the checks before a launch, and the ways on from empty pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.access import endpoint_check
from dashboard.style import labels
from dashboard.view_models import launch_request
from store import queries
from store.config_metadata import settings_of
from store.presets import preset
from store.run_config import RunConfig
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.endpoint import endpoint
from tests.dashboard.served import free_port

Opened = Callable[..., AppTest]
ASKED = {"teacher": "some-model", "max_cost_usd": None}


def test_every_group_of_the_configuration_is_in_one_group_of_the_page() -> None:
    groups = {setting.group for setting in settings_of(RunConfig)}
    placed = [member for members in launch_request.FORM_GROUPS.values() for member in members]
    assert sorted(placed) == sorted(groups) and len(launch_request.FORM_GROUPS) == 4


def test_the_page_has_every_field_once_and_launches_what_was_set(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "new_run")
    assert not app.exception
    assert [*launch_request.FORM_GROUPS] == [heading.value for heading in app.main.subheader][:4]
    sidebar, page = ({widget.key for kind in ("slider", "number_input", "text_input", "selectbox") for widget
                      in part.get(kind)} for part in (app.sidebar, app.main))
    assert "launch embedded cycles" in sidebar and "launch embedded lora_rank" in page
    assert not sidebar & page
    app.number_input(key="launch embedded lora_rank").set_value(8)
    app.slider(key="launch embedded cycles").set_value(2).run()
    assert "Differs from the preset" in words_of(app)
    app.button(key="launch").click().run()
    store = stores.store_at(tmp_path)
    (run,) = queries.all_runs(store)
    store.close()
    assert (run.config.lora_rank, run.config.cycles) == (8, 2) and app.title[0].value == "Live"


def test_what_was_set_on_the_page_is_kept_on_the_others(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "new_run")
    app.number_input(key="launch embedded lora_rank").set_value(8).run()
    app.switch_page("app_pages/system.py").run()
    assert app.sidebar.number_input(key="launch embedded lora_rank").value == 8


def test_the_button_below_the_fields_launches_the_same(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "new_run")
    app.number_input(key="launch embedded lora_rank").set_value(16)
    app.button(key="launch-below").click().run()
    store = stores.store_at(tmp_path)
    assert [run.config.lora_rank for run in queries.all_runs(store)] == [16]
    store.close()


@pytest.mark.parametrize("page", [*labels.NO_RUNS])
def test_an_empty_page_leads_to_a_first_run(page: str, tmp_path: Path, opened: Opened) -> None:
    links = [link.proto.label for link in opened(tmp_path, page).main.get("page_link")]
    assert links == ["Launch a run"]


def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str = "", **settings: object) -> list[str]:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", key)
    return endpoint_check.endpoint_faults(preset("embedded", **ASKED, **settings))


def test_an_endpoint_that_takes_the_key_has_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint("sk-right") as address:
        assert faults(monkeypatch, tmp_path, "sk-right", teacher_base_url=address) == []


def test_a_refused_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint("sk-right") as address:
        (fault,) = faults(monkeypatch, tmp_path, "sk-wrong", teacher_base_url=address)
    assert "refuses the key in OPENAI_API_KEY" in fault and "sk-wrong" not in fault


def test_a_missing_key_of_the_openai_api_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no .env there
    (fault,) = faults(monkeypatch, tmp_path)
    assert "needs a key of the OpenAI API" in fault


def test_an_endpoint_that_is_not_there_is_refused_and_nothing_is_queued(tmp_path: Path, opened: Opened) -> None:
    address = f"http://127.0.0.1:{free_port()}/v1"
    app = opened(tmp_path)
    app.text_input(key="launch embedded teacher").set_value("some-model")
    app.text_input(key="launch embedded teacher_base_url").set_value(address)
    app.button(key="launch").click().run()
    assert f"nothing answers at {address}" in words_of(app) and not list(tmp_path.iterdir())


def test_a_judge_is_asked_too_and_the_offline_teacher_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert endpoint_check.endpoint_faults(preset("embedded")) == []
    judged = preset("embedded", judge="a-judge", judge_base_url=f"http://127.0.0.1:{free_port()}/v1")
    (fault,) = endpoint_check.endpoint_faults(judged)
    assert fault.startswith("judge 'a-judge'")
