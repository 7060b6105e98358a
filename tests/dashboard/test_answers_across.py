"""Answers of several cycles side by side on the page Compare, and stepping through tables by click, button and key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.style import labels
from dashboard.view_models import answers_across
from dashboard.view_models.answer_filter import AnswerFilter, filter_answers, ranked_by
from dashboard.view_models.answers_across import DIFFERS, IMPROVED, REGRESSED, Column
from dashboard.widgets.elements import WINDOW_ROWS
from store import queries
from store.control_arms import BASELINE, TUNED
from store.queries import AnswerPair, AskedQuestion, ScoredAnswer, answers_of
from store.queries.answer_list import listed_answers, scored_metrics
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.made_content import TOPICS

Opened = Callable[..., AppTest]
AllStates = tuple[Path, dict[str, str]]


def pair(question: str) -> AnswerPair:
    return AnswerPair(question, 1, "held-out", "pods", f"What is {question}?", "", "", "", "", "the reference", None,
                      (), "before", None, "after", None, {})


def asked(question: str) -> AskedQuestion:
    return AskedQuestion(question, "held-out", "pods", f"What is {question}?", "the reference", None)


def column(name: str, **answers: tuple[str, float | None]) -> Column:
    return Column(name, {question: ScoredAnswer(text, None, score) for question, (text, score) in answers.items()})


FIRST = column("first", a=("x", 0.5), b=("x", 0.5), c=("x", 0.5), d=("x", 0.5))
OTHER = column("other", a=("x", 0.5), b=("y", 0.1), c=("y", 0.9), e=("y", 0.9))


def test_rows_hold_what_two_columns_answered_with_marks_against_the_first_and_losses_first() -> None:
    rows = answers_across.rows_of([asked(name) for name in "abcde"], [FIRST, OTHER], "answer_similarity")
    assert [row.asked.question for row in rows] == ["b", "a", "c"]
    assert [row.marks for row in rows] == [("", "worse"), ("", "same"), ("", "better")]
    assert answers_across.counts(rows) == {"all": 3, DIFFERS: 2, REGRESSED: 1, IMPROVED: 1}
    assert [row.asked.question for row in answers_across.matching(rows, IMPROVED, ())] == ["c"]
    assert answers_across.matching(rows, DIFFERS, ("volumes",)) == []


def test_a_lower_score_is_better_where_the_metric_says_so_and_a_missing_one_is_no_tie() -> None:
    rows = answers_across.rows_of([asked("b"), asked("c")], [FIRST, OTHER], "reference_nll")
    assert {row.asked.question: row.marks[1] for row in rows} == {"b": "better", "c": "worse"}
    silent = column("silent", b=("", None))
    assert answers_across.rows_of([asked("b")], [FIRST, silent], "reference_nll")[0].marks[1] == "unknown"


def open_compare(all_states: AllStates, opened: Opened, **more: str) -> AppTest:
    folder, runs = all_states
    app = opened(folder, "compare", cycles=f"{runs['finished']}:1,{runs['finished']}:3", metric="answer_similarity",
                 tier="held-out", **more)
    assert not app.exception
    return app


def table(app: AppTest) -> Any:
    return next(frame.value for frame in app.dataframe if "reference" in frame.value.columns)


def test_compare_shows_answers_by_question_with_filters_and_a_word_diff(all_states: AllStates, opened: Opened) -> None:
    app = open_compare(all_states, opened)
    shown = table(app)
    assert list(shown.columns) == ["question", "reference", "cycle 1", "cycle 3"] and len(shown) == 40
    assert shown["cycle 3"][0][0] in "▲▼=?" and " · " in shown["cycle 1"][0]
    better = open_compare(all_states, opened, across="improved")
    assert 0 < len(table(better)) < 40 and all(cell.startswith("▲") for cell in table(better)["cycle 3"])
    few = open_compare(all_states, opened, only="pods")
    assert len(table(few)) == 8
    few.multiselect(key="columns").select(f"{all_states[1]['finished']} untrained").run()
    assert not marked(few)
    few.selectbox(key="diff").select("untrained").run()
    assert not few.exception and len(marked(few)) == 2, "both cycles are marked against the untrained student"


def marked(app: AppTest) -> list[str]:
    """The word diffs of the page."""
    bodies = [block.proto.body for block in app.main.get("html")]
    return [body for body in bodies if "<ins" in body or "<del" in body]


def test_the_scores_are_a_row_a_metric_and_a_column_a_cycle_the_headline_first_and_obey_the_filters(
        all_states: AllStates, opened: Opened) -> None:
    def scores(tier: str) -> Any:
        folder, runs = all_states
        app = opened(folder, "compare", cycles=f"{runs['finished']}:1,{runs['finished']}:3", tier=tier)
        (found,) = [frame.value for frame in app.dataframe if list(frame.value.columns) == ["metric", "cycle 1",
                                                                                          "cycle 3"]]
        return found
    held_out, practice = scores("held-out"), scores("practice")
    assert held_out["metric"][0].startswith("Multiple-choice accuracy") and len(set(held_out["metric"])) > 3
    assert "▲ +0." in held_out["cycle 3"][0] and list(held_out["cycle 3"]) != list(practice["cycle 3"])


def test_the_row_in_view_is_selected_so_that_a_table_that_gets_the_focus_leaves_it(all_states: AllStates,
                                                                                   opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "answers", run=runs["finished"], question="held-out-0-17")
    position = int(position_of(app).split()[1])

    def selected() -> list[int]:
        return [row for row, _ in app.session_state["answer list 0"]["selection"]["cells"]]
    assert position > 1 and selected() == [position - 1] and app.query_params["question"] == "held-out-0-17"
    next(button for button in app.button if button.key == "question Next").click().run()
    assert selected() == [position] and position_of(app).startswith(f"Question {position + 1} ")
    app.session_state["answer list 0"] = {"selection": {"rows": [], "columns": [], "cells": [(position - 1, "topic")]}}
    assert position_of(app.run()).startswith(f"Question {position} "), "the row that was selected before the button"


def test_further_columns_are_the_untrained_student_and_the_control_arms(
        state_folders: dict[str, tuple[Path, str | None]], opened: Opened) -> None:
    app = opened(state_folders["arms"][0], "compare")
    options = app.multiselect(key="columns").options
    assert options[0] == "untrained" and len(options) > 3
    app.multiselect(key="columns").select(f"{state_folders['arms'][1]} untrained").run()
    assert not app.exception and "untrained" in table(app).columns


@pytest.mark.parametrize(("page", "key", "named"), [("compare", "answers across 0", "question"),
                                                    ("answers", "answer list 0", "question"),
                                                    ("knowledge", "passage list", "passage")])
def test_a_click_anywhere_in_a_row_opens_it_and_buttons_lead_on(page: str, key: str, named: str, all_states: AllStates,
                                                                opened: Opened) -> None:
    app = open_compare(all_states, opened) if page == "compare" else opened(all_states[0], page)
    assert named not in app.query_params
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [(2, "question")]}}
    app.run()
    assert any(caption.value.split(" of ")[0].endswith(" 3") for caption in app.caption)
    third = app.query_params[named]
    next(button for button in app.button if button.key == f"{named} Next").click().run()
    assert not app.exception and app.query_params[named] != third
    assert any(caption.value.split(" of ")[0].endswith(" 4") for caption in app.caption)


def test_ties_of_a_yes_or_no_metric_are_sorted_by_a_continuous_one() -> None:
    def tie(name: str, after: float) -> AnswerPair:
        scores = {"choice_accuracy": (1.0, 1.0), "answer_similarity": (0.5, after)}
        return dataclasses.replace(pair(name), scores=scores)
    found = filter_answers([tie("a", 0.6), tie("b", 0.2), tie("c", 0.4)], AnswerFilter(), "choice_accuracy")
    assert [item.question for item in found] == ["b", "c", "a"]


def test_an_exact_repeat_is_said_to_be_one_without_intervals(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    runs = [stores.finished(store, stores.long_ago(hours), (0.1,), 1, held_out=12, topics=TOPICS[:2], name=name)
            for hours, name in ((9, "first"), (8, "repeat"))]
    store.close()
    app = opened(tmp_path, "compare", cycles=f"{runs[0]}:1,{runs[1]}:1")
    assert "Repeat · cycle 1 vs. first · cycle 1: identical answers to all 12 questions." in words_of(app)
    assert not [frame for frame in app.dataframe if "judge" in frame.value.columns]


def test_no_change_rounds_to_minus_zero() -> None:
    assert [labels.change(value) for value in (-0.001, 0.0, 0.004, -0.006, 0.25)] == ["0.00", "0.00", "0.00", "−0.01",
                                                                                    "+0.25"]
    assert labels.interval(-0.004, 0.23) == "0.00 to +0.23"


@pytest.fixture(scope="module")
def many_answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Data directory and ids of two runs with the same 120 held-out questions."""
    folder = tmp_path_factory.mktemp("many")
    store = stores.store_at(folder)
    runs = [stores.finished(store, stores.long_ago(hours), (0.1,), 1, held_out=120, topics=TOPICS[:2], name=name)
            for hours, name in ((9, "first"), (8, "second"))]
    store.close()
    return folder, runs


@pytest.mark.parametrize("page", ["answers", "compare"])
def test_a_long_list_is_sent_by_the_window_that_has_the_question_in_view(page: str, opened: Opened,
                                                                         many_answers: tuple[Path, list[str]]) -> None:
    folder, runs = many_answers
    link = {"run": runs[0], "tier": "held-out", "cycles": f"{runs[0]}:1,{runs[1]}:1"}
    app = opened(folder, page, **link)
    first = questions_of(app)
    assert len(first) == WINDOW_ROWS and position_of(app) == "Question 1 of 120"
    store = stores.store_at(folder)
    beyond = [one for one in answers_of(store, runs[0], 1, tier="held-out") if one.text not in first]
    store.close()
    linked = opened(folder, page, **link, question=beyond[0].question)
    assert beyond[0].text in questions_of(linked) and len(questions_of(linked)) == 120 - WINDOW_ROWS
    assert int(position_of(linked).split()[1]) > WINDOW_ROWS


def test_stepping_over_the_end_of_a_window_shows_the_next_one(opened: Opened,
                                                              many_answers: tuple[Path, list[str]]) -> None:
    folder, runs = many_answers
    store = stores.store_at(folder)
    pairs = filter_answers(answers_of(store, runs[0], 1), AnswerFilter("held-out"), "answer_similarity")
    store.close()
    app = opened(folder, "answers", run=runs[0], metric="answer_similarity", tier="held-out",
                 question=pairs[WINDOW_ROWS - 1].question)
    assert position_of(app) == f"Question {WINDOW_ROWS} of 120"
    next(button for button in app.button if button.key == "question Next").click().run()
    assert not app.exception and position_of(app) == f"Question {WINDOW_ROWS + 1} of 120"
    assert questions_of(app)[0] == pairs[WINDOW_ROWS].text[:300]


def test_listed_answers_and_their_scores_are_those_that_are_read_whole(many_answers: tuple[Path, list[str]]) -> None:
    folder, runs = many_answers
    store = stores.store_at(folder)
    everything = queries.answers_of(store, runs[0], 1)
    for tier in ("held-out", "practice"):
        wanted = {one.question: one for one in everything if one.tier == tier}
        found = queries.asked_questions(store, runs[0], 1, tier)
        assert {one.question: (one.topic, one.text, one.reference) for one in found} == \
            {one.question: (one.topic, one.text, one.reference) for one in wanted.values()} and found
        for metric in ("answer_similarity", "fact_recall"):
            for arm, at in ((BASELINE, 0), (TUNED, 1)):
                given = queries.scored_answers(store, runs[0], 1, arm, tier, metric)
                assert given == {name: ScoredAnswer((one.baseline, one.tuned)[at],
                                                    (one.baseline_missing, one.tuned_missing)[at],
                                                    one.scores[metric][at]) for name, one in wanted.items()}
    store.close()


def test_the_list_of_answers_ranks_as_those_that_are_read_whole(many_answers: tuple[Path, list[str]]) -> None:
    folder, runs = many_answers
    store = stores.store_at(folder)
    whole = queries.answers_of(store, runs[0], 1)
    metrics = scored_metrics(store, runs[0], 1)
    assert metrics == {metric for one in whole for metric in one.scores}
    for metric in metrics:
        listed = listed_answers(store, runs[0], 1, 0, ranked_by(metric))
        ranked = filter_answers(whole, AnswerFilter(), metric)
        found = filter_answers(listed, AnswerFilter(), metric)
        assert [one.question for one in found] == [one.question for one in ranked]
        for one, other in zip(found, ranked, strict=True):
            assert one.scores == {name: both for name, both in other.scores.items() if name in ranked_by(metric)}
            assert all(value == getattr(other, name) for name, value in one._asdict().items() if name != "scores")
    assert queries.answers_of(store, runs[0], 1, question=whole[-1].question) == [whole[-1]]
    store.close()


def test_a_question_without_a_recorded_answer_was_asked() -> None:
    found = answers_across.column("cycle 1", [asked("a"), asked("b")], {"a": ScoredAnswer("x", None, 0.5)})
    assert found.given["a"].text == "x" and found.given["b"].missing == "no answer recorded"


def questions_of(app: AppTest) -> list[str]:
    """The questions in the page's list."""
    (frame,) = [frame.value for frame in app.dataframe if "question" in frame.value.columns]
    return list(frame["question"])


def position_of(app: AppTest) -> str:
    return next(str(one.value) for one in app.caption if str(one.value).startswith("Question "))
