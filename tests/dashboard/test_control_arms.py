"""Control arms and intermediate checkpoints: selected in the launch form, shown on the page Overview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.control_arms import forest
from dashboard.figures.learning_curve_in_cycle import learning_curve_in_cycle, steps_so_far
from dashboard.style import labels
from dashboard.view_models import control_arms
from store import queries
from store.control_arms import ARMS
from store.database import Store
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]
TEACHER = ARMS["teacher"].title


@pytest.fixture
def with_arms(state_folders: Folders) -> Iterator[tuple[Store, str]]:
    folder, run = state_folders["arms"]
    store = stores.store_at(folder)
    yield store, str(run)
    store.close()


def test_the_overview_lays_the_arms_beside_each_other(state_folders: Folders, opened: Opened) -> None:
    folder, run = state_folders["arms"]
    app = opened(folder, "overview", run=str(run))
    app.session_state["learning folded"] = True
    app.run()
    words = words_of(app)
    assert not app.exception and "Control arms (baselines)" in words and labels.ARMS_NOTE in words
    assert "Gap closed" in words and "During training" in words
    assert "found the source passage for 15 of 20 questions" in words and "exceeded the student's context" in words
    assert "Control arms (baselines)" not in words_of(opened(state_folders["finished"][0], "overview"))


def test_a_test_question_shows_what_every_arm_said_and_was_shown(state_folders: Folders, opened: Opened) -> None:
    folder, run = state_folders["arms"]
    app = opened(folder, "answers", run=str(run), tier="held-out")
    words = words_of(app)
    assert not app.exception
    for arm in ARMS.values():
        assert f"**{arm.title}**" in words and arm.how in words
    assert words.count("Prompt:") == 3
    assert "Prompt:" not in words_of(opened(folder, "answers", run=str(run), tier="practice"))


def test_right_of_zero_is_better_whichever_way_a_metric_counts(with_arms: tuple[Store, str]) -> None:
    changes = queries.arm_changes_of(*with_arms)
    for metric in ("answer_similarity", "reference_nll"):
        lines = control_arms.comparisons(changes, metric)
        retrieval = next(line for line in lines if (line.row.arm, line.row.against) == ("retrieval", "baseline"))
        assert retrieval.row.verdict == "improved" and retrieval.gain and retrieval.gain > 0
        assert retrieval.low is not None and retrieval.high is not None
        assert 0 < retrieval.low < retrieval.gain < retrieval.high
        better = next(trace for trace in forest(lines, metric).data if trace.name == "improved")
        assert f"{ARMS['retrieval'].title} vs untrained" in better.y and all(x > 0 for x in better.x)


def test_every_comparison_has_its_line_and_an_unmeasured_one_is_named_not_drawn(with_arms: tuple[Store, str]) -> None:
    lines = control_arms.comparisons(queries.arm_changes_of(*with_arms), "choice_accuracy")
    figure = forest(lines, "choice_accuracy")
    assert len(lines) == 1 + 2 * len(ARMS) == len(figure.layout.yaxis.categoryarray)
    drawn = [name for trace in figure.data for name in trace.y]
    unmeasured = [note.y for note in figure.layout.annotations if note.text == "not measured"]
    assert unmeasured == [f"{TEACHER} vs untrained", f"Fine-tuned vs {TEACHER.lower()}"]
    assert not set(unmeasured) & set(drawn)
    assert sorted(drawn + unmeasured) == sorted(figure.layout.yaxis.categoryarray)


def test_the_table_says_of_each_arm_what_it_tells(with_arms: tuple[Store, str]) -> None:
    rows = control_arms.table(queries.arm_changes_of(*with_arms), "choice_accuracy")
    assert [row["control"] for row in rows] == [arm.title for arm in ARMS.values()]
    assert next(row for row in rows if row["control"] == TEACHER)["control vs. untrained"] == "not measured"
    assert all(row["interpretation"] and row["how it answers"] for row in rows)


def test_a_ceiling_by_construction_says_so_beside_its_number(with_arms: tuple[Store, str]) -> None:
    rows = {row["metric"]: row for row in control_arms.gap_rows(queries.gaps_of(*with_arms))}
    assert "by construction" in rows["Answer similarity"]["note"] and rows["Answer similarity"]["gap closed"] != "–"
    nll = rows[labels.metric_short("reference_nll")]
    assert nll["gap closed"] == "–" and nll["note"]


def test_steps_count_on_over_the_cycles(with_arms: tuple[Store, str]) -> None:
    rows = queries.curve_of(*with_arms)
    own = [row for row in rows if row.metric == "reference_nll"]
    assert steps_so_far(own) == [0, 15, 30, 60, 75, 90, 120]
    figure = learning_curve_in_cycle(rows)
    assert [list(trace.x) for trace in figure.data] == [[0, 15, 30, 60, 75, 90, 120]] * 2
    assert figure.data[0].error_y.array[0] == 0  # the untrained student is where the change is counted from


def test_arms_are_asked_for_by_checkboxes_and_none_by_default(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    for arm in ("placebo", "retrieval"):
        app.checkbox(key=f"launch embedded arm {arm}").check()
    app.checkbox(key="launch embedded learning_curve").check()
    app.number_input(key="launch embedded general").set_value(12)
    app.button(key="launch").click().run()
    assert not app.exception
    store = stores.store_at(tmp_path)
    (run,) = queries.all_runs(store)
    store.close()
    assert (run.config.arms, run.config.learning_curve, run.config.general) == (("retrieval", "placebo"), True, 12)


def test_what_needs_an_adapter_cannot_be_asked_for_where_nothing_is_trained(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.checkbox(key="launch embedded arm placebo").check()
    app.checkbox(key="launch embedded arm few-shot").check()
    app.toggle(key="launch embedded fine_tune").set_value(False).run()
    assert app.checkbox(key="launch embedded arm placebo").disabled
    app.button(key="launch").click().run()
    store = stores.store_at(tmp_path)
    (run,) = queries.all_runs(store)
    store.close()
    assert run.config.arms == ("few-shot",) and not run.config.fine_tune
