"""Faults that people reported of single pages, each with the steps that showed it."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.stage_durations import stage_durations
from dashboard.style import labels, theme
from dashboard.view_models import cycle_selection
from store import queries
from store.commands.schedules import GRACE_SECONDS
from store.control_arms import ARMS
from store.queries import StageState
from store.queries.best_adapter import BestAdapter
from tests.dashboard import stores
from tests.dashboard.conftest import PAGES, static_tables, words_of
from tests.dashboard.made_content import TOPICS
from tests.dashboard.served import ROOT

Opened = Callable[..., AppTest]


def test_a_kept_adapter_at_a_tie_is_said_not_to_beat_the_untrained_student() -> None:
    tie = BestAdapter("r", 2, "cycle-02/adapter", None, "choice_accuracy", 0.5, 12, 2, untrained=0.5)
    assert "not better than the untrained student's 0.50" in tie.sentence
    assert "not better" not in BestAdapter("r", 2, "a", None, "choice_accuracy", 0.6, 12, 2, untrained=0.5).sentence


def test_no_two_stages_look_alike() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    stages = [StageState(1, f"stage {number}", "student", "finished", began, began, 1.0, None, None, None, None, None)
              for number in range(20)]
    (legend,) = ElementTree.fromstring(stage_durations("a", [("one", stages)], {})).findall("div[@class='legend']")
    looks = {(mark.get("class"), mark.get("style")) for mark in legend.iter("i")}
    assert len(looks) == len(legend) == 20


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


@pytest.mark.parametrize("page", PAGES)
def test_a_line_under_each_title_says_what_the_page_is_for(page: str) -> None:
    script = ast.parse((ROOT / "dashboard" / "app_pages" / f"{page}.py").read_text(encoding="utf-8"))
    calls = [ast.unparse(statement.value) for statement in script.body
             if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)]
    assert calls[0].startswith("elements.page_title("), "which has both"


def test_answers_say_up_to_which_change_they_count_as_unchanged(all_states: tuple[Path, dict[str, str]],
                                                                opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "answers", run=runs["finished"], metric="answer_similarity")
    assert "Changes up to 0.01 count as unchanged." in words_of(app)
    (question,) = [column for name, column in json.loads(app.dataframe[0].proto.columns).items() if name == "question"]
    assert question["width"] >= 480, "more than forty characters of a question"


def test_topics_with_fewer_than_three_questions_are_not_drawn(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    run = stores.finished(store, stores.long_ago(3), (0.1, 0.2), held_out=10, topics=TOPICS)
    store.close()
    app = opened(tmp_path, "compare", cycles=f"{run}:1,{run}:2", tier="held-out")
    assert "No topic has 3 questions or more that were scored before and after." in words_of(app)


def test_the_control_arms_in_which_two_runs_differ_are_shown_whole(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    one = stores.finished(store, stores.long_ago(4), (0.1,))
    other = stores.with_arms(store, stores.long_ago(2))
    store.close()
    app = opened(tmp_path, "compare", cycles=f"{one}:1,{other}:1")
    (cells,) = [[cell.text or "" for cell in row.iter("td")] for table in static_tables(app) for row in table.iter("tr")
                if any(arm in "".join(row.itertext()) for arm in ARMS)]
    assert all(arm in cells[-1] for arm in ARMS)


def test_history_begins_with_name_state_and_verdict_which_a_phone_shows(
        opened: Opened, all_states: tuple[Path, dict[str, str]]) -> None:
    app = opened(all_states[0], "history")
    assert list(json.loads(app.dataframe[0].proto.columns))[:3] == ["name", "state", "verdict"]


def test_a_deletion_does_not_look_like_a_launch(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    app = opened(all_states[0], "history", **{"history state": "finished"})
    app.session_state["run table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
    app.run()
    kinds = {button.key: button.proto.type for button in app.button if button.key in ("delete sure", "launch")}
    assert kinds == {"delete sure": "secondary", "launch": "primary"}


def test_better_and_worse_have_colours_of_their_own() -> None:
    series = {*theme.SERIES, *theme.STAGES, theme.BASELINE, theme.TUNED, theme.PRACTICE, theme.PARAPHRASE,
              theme.NEW_TOPIC, theme.GENERAL}
    assert not {theme.BETTER, theme.WORSE, theme.INCONCLUSIVE} & series


def test_runs_of_one_name_are_told_apart_where_they_are_compared(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    for hours in (9, 8):
        stores.finished(store, stores.long_ago(hours), (0.1,), name="the same", held_out=6, topics=TOPICS[:2])
    runs = queries.all_runs(store)
    store.close()
    names = cycle_selection.names_of(runs, {run.id: [1] for run in runs})
    assert len(set(names.values())) == 2 and all(run.id[-4:] in names[f"{run.id}:1"] for run in runs)


def test_a_failed_run_is_retried_or_edited(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "live", run=runs["failed"])
    assert {"Retry", "Edit and rerun"} <= {button.label for button in app.main.button}


def test_overview_is_short_and_folds_its_caveats(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, run=runs["finished"])
    (caveats,) = [block for block in app.main.expander if block.label.startswith("Caveats (")]
    folded = [caption.value for caption in caveats.caption]
    assert labels.SIMILARITY_NOTE in folded
    said = " ".join(str(element.value) for kind in ("title", "subheader", "markdown", "text", "caption")
                    for element in app.main.get(kind) if str(element.value) not in folded)
    assert len(said.split()) < 330, said
