"""The playground: asking, waiting, streamed answers, and the reason for every missing answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.style import labels
from dashboard.view_models import export_rows
from store import queries
from store.commands import playground
from store.commands.playground import ArmAnswer, Usage
from store.costs import llm_calls
from store.costs.llm_calls import LLMCall
from store.database import Store
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]
OWNER = "host:1:1"


def copy_of(state: str, folder: Path, states: Folders) -> tuple[Path, str]:
    """Copy a shared read-only store, for tests that write to it."""
    shutil.copytree(states[state][0], folder / state)
    return folder / state, str(states[state][1])


@pytest.fixture
def made(tmp_path: Path, state_folders: Folders) -> Iterator[tuple[Path, str, Store]]:
    folder, run = copy_of("finished", tmp_path, state_folders)
    store = stores.store_at(folder)
    yield folder, run, store
    store.close()


def asked_on_page(app: AppTest, words: str) -> AppTest:
    app.text_area(key="playground question").set_value(words)
    return press(app)


def press(app: AppTest) -> AppTest:
    next(item for item in app.button if item.key == "playground ask").click().run()
    assert not app.exception
    return app


def claimed(store: Store) -> playground.Claimed:
    found = playground.claim_next(store, OWNER)
    assert found
    return found


def test_a_question_is_put_once_and_followed_until_it_is_answered(made: tuple[Path, str, Store],
                                                                  opened: Opened) -> None:
    folder, run, store = made
    stores.connect_runner(store)
    app = opened(folder, "playground", run=run, cycle="2")
    assert "No questions yet." in words_of(app)
    asked_on_page(app, "What is a Pod?")
    press(app)  # the second click of a double click
    (asked,) = queries.recent_questions(store)
    assert (asked.question, asked.cycle, asked.run, asked.state) == ("What is a Pod?", 2, run, "waiting")
    assert "Queued; starting" in words_of(app) and app.query_params["asked"] == str(asked.id)
    one = claimed(store)
    assert "Loading the student" in words_of(app.run())
    playground.write(store, one, [ArmAnswer("baseline", "A Pod is"), ArmAnswer("tuned")])
    words = words_of(app.run())
    assert "Generating" in words and "A Pod is" in words and "After (fine-tuned)" in words
    playground.finish(store, one,
                      [ArmAnswer("baseline", "A Pod is a whale.", True), ArmAnswer("tuned", "A group.", True),
                       ArmAnswer("teacher", "", True, "not asked")])
    words = words_of(app.run())
    assert "A Pod is a whale." in words and "A group." in words
    assert "Teacher: no answer (not asked)" in words and "Answered" in words


def test_a_link_opens_an_earlier_question(made: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = made
    first = playground.ask(store, run, 1, "The first question?", "ann", "1")
    playground.ask(store, run, 1, "The second question?", "ann", "2")
    app = opened(folder, "playground", asked=str(first))
    assert "The first question?" in [item.value for item in app.text]
    assert "The second question?" not in [item.value for item in app.text]


def test_without_a_runner_a_question_says_so_and_with_a_run_at_work_what_it_waits_for(
        tmp_path: Path, opened: Opened) -> None:
    run = str(stores.build("running", tmp_path))
    store = stores.store_at(tmp_path)
    playground.ask(store, run, 0, "Why?", "ann", "token")
    app = opened(tmp_path, "playground")
    assert any(labels.NO_RUNNER in warning.value for warning in app.main.warning)
    stores.connect_runner(store)
    assert "Queued: a run is active" in words_of(app.run())
    store.close()


def test_a_failed_question_shows_its_reason(made: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = made
    playground.ask(store, run, 1, "Why?", "ann", "token")
    playground.fail(store, claimed(store), f"the adapter is gone {stores.EVIL}")
    app = opened(folder, "playground")
    assert any("the adapter is gone" in item.value for item in app.text)
    assert "This question could not be answered:" in words_of(app)


def test_without_an_adapter_only_the_untrained_student_is_asked(tmp_path: Path, state_folders: Folders,
                                                                opened: Opened) -> None:
    folder, _ = copy_of("untuned", tmp_path, state_folders)
    app = opened(folder, "playground")
    assert "only its untrained student can answer" in words_of(app)
    asked_on_page(app, "What is a Pod?")
    store = stores.store_at(folder)
    assert [one.cycle for one in queries.recent_questions(store)] == [0]
    store.close()


def test_a_teacher_that_costs_is_asked_only_where_somebody_says_so(tmp_path: Path, state_folders: Folders,
                                                                   opened: Opened) -> None:
    folder, _ = copy_of("paid", tmp_path, state_folders)
    app = opened(folder, "playground")
    asked_on_page(app, "One?")
    app.checkbox(key="playground teacher").set_value(True)
    asked_on_page(app, "Two?")
    store = stores.store_at(folder)
    assert {one.question: one.with_teacher for one in queries.recent_questions(store)} == {"One?": False, "Two?": True}
    store.close()


def test_a_paid_teacher_says_what_it_costs_at_most_before_and_what_it_took_after(
        tmp_path: Path, state_folders: Folders, opened: Opened) -> None:
    folder, run = copy_of("paid", tmp_path, state_folders)
    store = stores.store_at(folder)
    app = opened(folder, "playground")
    words = words_of(app)
    assert "One question to the teacher gpt-4o-mini costs at most 0.0047 USD at list prices" in words
    assert "0.50 USD is left of the 0.50 USD that this run's teacher may cost" in words
    assert app.checkbox(key="playground teacher").label == "Ask the teacher too: one call, at most 0.0047 USD"
    assert app.checkbox(key="playground teacher").value is False
    number = playground.ask(store, run, 1, "Why?", "ann", "token", with_teacher=True)
    bill = Usage("gpt-4o-mini", 1, 1200, 80, 0.000228)
    playground.finish(store, claimed(store),
                      [ArmAnswer("baseline", "So.", True), ArmAnswer("teacher", "Thus.", True, "", bill)])
    app = opened(folder, "playground", asked=str(number))
    assert "Cost: gpt-4o-mini, 1 call, 1,200 tokens in and 80 out, 0.0002 USD at list prices." in words_of(app)
    (row,) = export_rows.playground_rows(queries.recent_questions(store))
    assert (row["teacher"], row["teacher_cost_usd"], row["baseline"]) == ("Thus.", 0.000228, "So.")
    store.close()


def test_a_teacher_that_may_cost_no_more_has_no_tick_and_says_why(tmp_path: Path, state_folders: Folders,
                                                                  opened: Opened) -> None:
    folder, run = copy_of("paid", tmp_path, state_folders)
    store = stores.store_at(folder)
    llm_calls.record_call(store,
                          LLMCall("k", run, "gpt-4o-mini", "reference", "{}", 0, 833_333))  # 0.4999998 of 0.50 USD
    store.close()
    app = opened(folder, "playground")
    assert "The teacher gpt-4o-mini cannot be asked: it could cost 0.0047 USD." in words_of(app)
    assert not [box for box in app.main.checkbox if box.key == "playground teacher"]


def test_an_empty_question_is_refused_in_words(made: tuple[Path, str, Store], opened: Opened) -> None:
    folder, _, store = made
    app = press(opened(folder, "playground"))
    assert "a question has 1 to 1000 characters" in words_of(app) and queries.recent_questions(store) == []


def test_what_is_asked_and_answered_is_shown_as_it_is(made: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = made
    playground.ask(store, run, 1, stores.EVIL, "ann", "token")
    playground.finish(store, claimed(store),
                      [ArmAnswer("baseline", stores.EVIL, True), ArmAnswer("tuned", "A" * 100_000, True),
                       ArmAnswer("teacher", "", True, stores.EVIL)])
    app = opened(folder, "playground")
    for kind in ("markdown", "caption", "info", "warning", "error", "subheader"):
        assert not any("evil.example" in str(element.value) for element in app.get(kind)), kind
    assert stores.EVIL in [item.value for item in app.code] and all(len(item.value) <= 6000 for item in app.code)


def test_a_viewer_reads_and_finds_nothing_to_press(made: tuple[Path, str, Store], opened: Opened,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run, store = made
    playground.ask(store, run, 1, "What is a Pod?", "ann", "token")
    monkeypatch.setenv("DASHBOARD_ROLE", "viewer")
    app = opened(folder, "playground")
    assert not app.text_area and not app.button and "What is a Pod?" in words_of(app)
    assert "Reviewers and operators can ask" in words_of(app)
