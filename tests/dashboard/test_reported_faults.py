"""Faults that people reported of single pages, each with the steps that showed it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

from streamlit.testing.v1 import AppTest

from dashboard.figures.stage_durations import stage_durations
from dashboard.style import labels
from store.commands.schedules import GRACE_SECONDS
from store.queries import StageState
from store.queries.best_adapter import BestAdapter
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]


def test_a_kept_adapter_at_a_tie_is_said_not_to_beat_the_untrained_student() -> None:
    tie = BestAdapter("r", 2, "cycle-02/adapter", None, "choice_accuracy", 0.5, 12, 2, untrained=0.5)
    assert "not better than the untrained student's 0.50" in tie.sentence
    assert "not better" not in BestAdapter("r", 2, "a", None, "choice_accuracy", 0.6, 12, 2, untrained=0.5).sentence


def test_no_two_stages_look_alike() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    stages = [StageState(1, f"stage {number}", "student", "finished", began, began, 1.0, None, None, None, None, None)
              for number in range(20)]
    bars = stage_durations([("one", stages)], {}).data
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in bars}) == len(bars) == 20


def test_schedules_says_until_when_a_due_run_is_made_up_for(tmp_path: Path, opened: Opened) -> None:
    assert f"within {labels.duration(GRACE_SECONDS)}" in words_of(opened(tmp_path, "schedules"))


def test_an_ended_run_promises_nothing(state_folders: dict[str, tuple[Path, str | None]], opened: Opened) -> None:
    words = words_of(opened(state_folders["failed"][0], "live")) + words_of(opened(state_folders["failed"][0],
                                                                                   "answers"))
    assert "not answered yet" not in words and "when it starts the run" not in words


def test_a_queue_names_its_runs(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    links = [link.proto.label for link in opened(folder, "live", run=runs["queued"]).main.get("page_link")]
    assert "power cut" in links and set(links) <= {"power cut", "the same, more steps"}, "names, not ids"


def test_after_a_launch_the_form_speaks_of_its_own_values(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path)
    app.slider(key="launch embedded held_out").set_value(40)
    app.selectbox(key="launch embedded headline_tier").set_value("held-out").run()
    assert any("40 test questions can" in caption.value for caption in app.sidebar.caption)
    app.button(key="launch").click().run()
    assert app.title[0].value == "Live"
    assert any("40 test questions can" in caption.value for caption in app.sidebar.caption)


def test_a_worst_answer_is_offered_only_where_one_got_worse() -> None:
    assert labels.answers_link(3) == "Worst regressions" and labels.answers_link(0) == "Read the answers"


def test_the_link_to_the_worst_answer_opens_it_whatever_was_read_before(all_states: tuple[Path, dict[str, str]],
                                                                         opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, run=runs["finished"])
    (link,) = [one.proto.query_string for one in app.main.get("page_link") if one.proto.page.endswith("answers")]
    app = opened(folder, "answers", **dict(parse_qsl(link)))
    next(button for button in app.button if button.label == "Next").click().run()
    assert "Question 2 of" in words_of(app)
    for name, value in parse_qsl(link):
        app.query_params[name] = value
    assert "Question 1 of" in words_of(app.run())


def test_overview_sends_its_tables_and_small_charts_when_they_are_opened(all_states: tuple[Path, dict[str, str]],
                                                                         opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, run=runs["finished"])
    charts, tables = len(app.get("plotly_chart")), len(app.dataframe)
    assert (charts, tables) == (0, 0), "what a new browser has to draw"
    assert not app.table, "nor does it load the library of Streamlit's tables"
    app.session_state["learning folded"] = app.session_state["intervals folded"] = True
    app.session_state["overview tab"] = "Judges"
    app.run()
    assert len(app.get("plotly_chart")) == 1 and len(app.dataframe) == 3 and not app.exception


def test_scores_stand_before_the_question_which_may_be_long(all_states: tuple[Path, dict[str, str]],
                                                            opened: Opened) -> None:
    folder, runs = all_states
    columns = list(opened(folder, "answers", run=runs["finished"]).dataframe[0].value.columns)
    assert columns[1:5] == ["change", "before", "after", "question"]
