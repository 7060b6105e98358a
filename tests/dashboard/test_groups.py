"""Groups of runs on the pages: Overview and Compare show them over questions and seeds, History folds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.group_seeds import group_seeds
from store import commands, queries
from store.analysis.group_result import group_result
from store.database import open_for_reading
from store.queries import HistoryFilter
from tests.addresses import address_in
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store with a run of its own, and a group: three seeds at one learning rate, two and a queued one at another."""
    folder = tmp_path_factory.mktemp("grouped")
    store = stores.store_at(folder)
    stores.finished(store, stores.long_ago(20), (0.2,), name="alone")
    ids = stores.group_of_runs(store, stores.long_ago(10))
    store.close()
    return folder, ids


def test_overview_shows_the_group_of_a_run_over_questions_and_seeds(grouped: tuple[Path, list[str]],
                                                                    opened: Opened) -> None:
    folder, ids = grouped
    page = opened(folder, "overview", run=ids[0])
    said = words_of(page)
    assert "Group: runs with these settings and other seeds" in said and "over 3 seeds" in said
    assert "learning rate 0.0001; 3 of 3 runs are in the numbers." in said
    assert "The interval is over questions and over training seeds (3)." in said
    tiles = {tile.label: tile.value for tile in page.metric}
    assert tiles["Seeds"] == "3" and tiles["Between seeds"] and tiles["Mean change"]


def test_a_group_without_enough_seeds_says_what_its_interval_lacks_and_counts_what_is_missing(
        grouped: tuple[Path, list[str]], opened: Opened) -> None:
    folder, ids = grouped
    said = words_of(opened(folder, "overview", run=ids[3]))
    assert "2 of 3 runs are in the numbers; 1 is queued" in said and "over questions alone" in said
    assert "2 seeds are too few to estimate how far trainings differ" in said
    assert "Left out, queued: rates: learning rate 0.001, seed 3." in said


def test_a_group_that_has_not_begun_says_so_in_one_line_for_each_reason(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    configs = [stores.config_of(name=f"seed {seed}", training_seed=seed) for seed in (1, 2, 3)]
    runs = commands.launch_group(store, configs, "new", "test").runs
    commands.change_run_state(store, "cancel", runs[0])
    store.close()
    said = words_of(opened(tmp_path, "overview", run=runs[2]))
    assert "Group: no result yet" in said
    assert "Left out, queued: seed 2; seed 3." in said and "Left out, cancelled: seed 1." in said


def test_a_run_of_its_own_has_no_group(grouped: tuple[Path, list[str]], opened: Opened) -> None:
    folder, _ = grouped
    alone = next(run for run in queries.all_runs(open_for_reading(address_in(folder))) if run.name == "alone")
    assert "Group" not in words_of(opened(folder, "overview", run=alone.id)).replace("Group of runs", "")


def test_compare_lays_a_group(grouped: tuple[Path, list[str]], opened: Opened) -> None:
    folder, _ = grouped
    page = opened(folder, "compare", group="rates", metric="reference_nll")
    said = words_of(page)
    assert "learning rate 0.001: 2 of 3 runs are in the numbers; 1 is queued." in said
    assert "Against the first combination" in said and "those with learning rate 0.0001" in said
    rows = page.dataframe[0].value
    assert list(rows["seeds"]) == [3, 2] and "between seeds (SD)" in rows
    assert "Configuration differences" in words_of(opened(folder, "compare"))  # without a group, as before
    assert "Configuration differences" in words_of(opened(folder, "compare", group="not there"))


def test_history_folds_a_group_into_one_row(grouped: tuple[Path, list[str]], opened: Opened) -> None:
    folder, ids = grouped
    page = opened(folder, "history")
    rows = page.dataframe[0].value
    assert len(rows) == 2 and "rates: 6 runs (5 finished, 1 queued)" in list(rows["group"])
    page.toggle(key="history fold").set_value(False).run()
    assert len(page.dataframe[0].value) == 7
    store = open_for_reading(address_in(folder))
    folded = queries.found_runs(store, HistoryFilter(folded=True))
    assert [run.id for run in folded if run.group] == [ids[-2]]  # the newest of the finished ones
    assert queries.count_found(store, HistoryFilter(folded=True)) == 2
    queued = queries.found_runs(store, HistoryFilter(folded=True, work="queued"))
    assert [run.id for run in queued if run.group] == [ids[-1]]  # of those that match
    assert len(queries.found_runs(store, HistoryFilter(words="RATES"))) == 6
    assert len(queries.found_runs(store, HistoryFilter(group="rates", folded=False))) == 6


def test_the_figure_has_a_dot_for_each_seed_and_the_mean_with_its_interval(grouped: tuple[Path, list[str]]) -> None:
    result = group_result(open_for_reading(address_in(grouped[0])), "rates")
    assert result
    figure = group_seeds(result.combinations, "reference_nll", "held-out")
    dots, means = figure.data
    assert len(dots.x) == 5 and len(means.x) == 2
    change = result.combinations[0].change("held-out", "reference_nll")
    assert change and change.found.pooled.low is not None and change.found.pooled.change is not None
    assert means.x[0] == pytest.approx(-change.found.pooled.change)  # right of 0 is better, whatever the metric
    assert means.error_x.array[0] == pytest.approx(change.found.pooled.change - change.found.pooled.low)


def filled(page: AppTest, **typed: str) -> AppTest:
    """Fill the form's fields for several runs."""
    for key, value in typed.items():
        field = page.selectbox(key="launch varied") if key == "varied" else page.text_input(key=f"launch {key}")
        field.set_value(value).run()
    return page


def test_the_form_launches_a_group_once_and_shows_its_plan(tmp_path: Path, opened: Opened) -> None:
    stores.store_at(tmp_path).close()
    page = filled(opened(tmp_path, "overview"), seeds="2", varied="learning_rate", group="form")
    page.text_input(key="launch varied values").set_value("1e-4, 1e-3").run()
    assert "4 runs in group form: learning_rate 0.0001, 0.001 x 2 seeds (42-43)." in words_of(page)
    page.button(key="launch").click().run()
    runs = queries.runs_of_group(open_for_reading(address_in(tmp_path)), "form")
    assert [(run.config.learning_rate, run.config.training_seed) for run in runs] == [
        (1e-4, 42), (1e-4, 43), (1e-3, 42), (1e-3, 43)]
    assert {run.config.held_out_set for run in runs} == {"form"}
    page = filled(opened(tmp_path, "overview"), seeds="2", varied="learning_rate", group="form")
    page.text_input(key="launch varied values").set_value("1e-4, 1e-3").run()
    page.button(key="launch").click().run()
    assert len(queries.all_runs(open_for_reading(address_in(tmp_path)))) == 4


def test_the_form_refuses_what_cannot_be_planned(tmp_path: Path, opened: Opened) -> None:
    stores.store_at(tmp_path).close()
    page = filled(opened(tmp_path, "overview"), seeds="many")
    page.button(key="launch").click().run()
    assert "seeds 'many' cannot be read: use how many (3)" in words_of(page)
    assert not queries.all_runs(open_for_reading(address_in(tmp_path)))
