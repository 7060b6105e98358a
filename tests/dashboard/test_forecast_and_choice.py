"""The launch form forecasts before it spends, and a group's settings are chosen on its development questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from runner.pipeline.worker import execute_claimed_run
from store import queries
from store.analysis.settings_choice import choose_settings
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.queries.best_adapter import best_adapter
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.runner.group_runs import executed, plan, seeded_resources

Opened = Callable[..., AppTest]


def execute_all(store: Store, data: Path) -> None:
    while claim := leases.claim_next(store, leases.owner_name()):
        assert execute_claimed_run(claim, Paths(data, store.url), seeded_resources) == 0


def form_of(opened: Opened, folder: Path) -> AppTest:
    """The form with a run that is large enough for pilots."""
    app = opened(folder)
    app.slider(key="launch embedded questions").set_value(40)
    app.multiselect(key="launch embedded topics").set_value(["pods", "services"])
    app.selectbox(key="launch embedded headline").set_value("reference_nll")
    return app.run()


def test_pilots_are_queued_and_their_forecast_is_registered_with_its_run_paused(tmp_path: Path,
                                                                               opened: Opened) -> None:
    app = form_of(opened, tmp_path)
    assert "3 pilots in group forecast-" not in words_of(app), "without a store there is nothing to go by"
    app.button(key="run pilots").click().run()
    assert not app.exception and app.title[0].value == "Live"
    store = stores.store_at(tmp_path)
    queued = queries.all_runs(store)
    assert sorted(run.config.questions for run in queued) == [8, 13, 20] and len({run.group for run in queued}) == 1
    assert "0 of 3 pilots finished; 3 queued." in words_of(form_of(opened, tmp_path))

    execute_all(store, tmp_path)
    app = form_of(opened, tmp_path)
    assert "from 3 pilots of 8, 13, 20 questions." in words_of(app)
    app.button(key="register forecast").click().run()
    assert not app.exception and app.title[0].value == "Did the student learn?"
    (run,) = [run for run in queries.all_runs(store) if run.config.questions == 40]
    known = queries.forecast_of(store, run.id)
    assert run.work == "paused" and known and known.size == 40 and len(known.pilots) == 3
    assert app.query_params["run"] == run.id and "Forecast before the run" in words_of(app)
    store.close()


def test_a_run_too_small_for_pilots_says_so_and_a_group_has_no_forecast(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    assert "from 24 training questions on there is a forecast" in words_of(app)
    assert "run pilots" not in {button.key for button in app.button}


@pytest.fixture
def undecided(tmp_path: Path) -> Path:
    """A store with two settings and two seeds, all scored on development questions, none on the test."""
    store = stores.store_at(tmp_path)
    executed(store, tmp_path, plan((1, 2), {"learning_rate": (1e-4, 2e-4)}, dev_questions=6, headline="reference_nll"))
    store.close()
    return tmp_path


@pytest.mark.parametrize("page", ["compare", "overview"])
def test_the_settings_of_a_group_are_chosen_by_one_click(undecided: Path, opened: Opened, page: str) -> None:
    store = stores.store_at(undecided)
    choice = choose_settings(store, "g")
    where = {"group": "g"} if page == "compare" else {"run": choice.best_run.run}
    app = opened(undecided, page, **where)
    assert "To be chosen: " in words_of(app) and "the test played no part in it" in words_of(app)
    app.button(key="choose g").click().run()
    assert not app.exception
    works = {run.id: run.work for run in queries.runs_of_group(store, "g")}
    assert {works[run] for run in choice.chosen.run_ids} == {"queued"}
    assert {works[run] for run in choice.other_ids} == {"cancelled"}
    assert "Chosen: " in words_of(app) and "choose g" not in {button.key for button in app.button}
    store.close()


def test_the_playground_begins_with_the_cycle_that_is_kept_and_says_why(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    (run,) = executed(store, tmp_path, plan((1,), cycles=2, dev_questions=6, headline="reference_nll"))
    best = best_adapter(store, run)
    assert best and best.chosen_on_dev
    app = opened(tmp_path, "playground", run=run)
    assert "chosen among 2 on the development questions" in words_of(app)
    other = 3 - best.cycle
    said = words_of(opened(tmp_path, "playground", run=run, cycle=str(other)))
    assert f"Cycle {other} was named by hand. Cycle {best.cycle} was chosen among 2" in said
    store.close()
