"""Every page in every state opens without an exception and shows the expected text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.panels import run_table
from dashboard.style import labels
from store import queries
from store.event_log import heartbeats
from tests.dashboard import stores
from tests.dashboard.conftest import PAGES, row_charts, static_tables, words_of

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]

SAID = {
    **{(page, "empty"): sentence for page, sentence in labels.NO_RUNS.items()},
    ("dataset", "empty"): labels.NO_STORE,
    ("system", "empty"): labels.NO_STORE,
    ("system", "finished"): "Versions",
    ("schedules", "empty"): "No schedule yet.",
    ("overview", "queued"): "The run is queued.",
    ("overview", "running"): "So far: cycle 1 of 3.",
    ("overview", "finished"): "Yes: the student improved",
    ("overview", "untuned"): labels.NOT_TUNED,
    ("answers", "untuned"): "(there is no adapter)",
    ("live", "untuned"): "Finished after",
    ("overview", "failed"): "The run failed before its first verdict.",
    ("overview", "lost"): "The runner disconnected",
    ("overview", "hostile"): "All metrics",
    ("live", "queued"): "Queued (requested ",
    ("live", "running"): "Cycle 2 of 3: Fine-tune the student, 30 of 60 steps.",
    ("live", "finished"): "Finished after",
    ("live", "failed"): "The model folder has no config.json.",
    ("live", "lost"): "Runner disconnected.",
    ("answers", "queued"): labels.NO_ANSWERS,
    ("answers", "running"): "Before (untrained)",
    ("answers", "finished"): "After (fine-tuned)",
    ("answers", "hostile"): "<script>alert(2)</script>",
    ("knowledge", "empty"): "Kubernetes v1.28",
    ("knowledge", "finished"): "Dataset fingerprint",
    ("overview", "paid"): "30 calls, 41,000 tokens; cost: 0.0123 USD, of at most 0.50 USD",
    ("live", "paid"): "gpt-4o-mini: 30 calls",
    ("answers", "paid"): "After (fine-tuned)",
    ("compare", "finished"): "These are cycles of one run",
    ("compare", "failed"): "Nothing to compare yet",
}


CONNECTED = ("hostile",)
"""States of a store with a connected runner; in all others every page shows how to start one."""
WITHOUT_A_RUNNER = {
    ("live", "queued"): labels.NO_RUNNER_HINT, ("live", "lost"): "The next runner resumes the run where it stopped.",
    ("overview", "queued"): "The run is queued.", ("overview", "lost"): "the next runner resumes the run",
    **{("system", state): labels.NO_RUNNER for state in stores.STATES if state not in CONNECTED},
    **{("schedules", state): "a connected runner then executes it" for state in stores.STATES},
}
"""What pages show in addition where the missing runner matters."""
_HYPHEN = re.compile(r"(?<![\w.,:/@=+()-])-\d|[-−]0\.0+(?!\d)")
"""A hyphen where a minus sign belongs, or a zero with a sign."""
# Levels of confidence and power, and shares of time and of steps, are not shares of a few items.
_PERCENT = re.compile(r"\d\s?%(?! (?:intervals?|power|confidence|of the time|of each cycle))")


def own_texts(app: AppTest) -> Iterator[str]:
    """All texts of a page: elements, table cells, charts; without quoted passages on the page Documents."""
    if app.title[0].value == "Documents":
        yield from (str(element.value) for kind in ("caption", "markdown", "metric") for element in app.get(kind))
        return
    yield from words_of(app).split("\n")
    yield from (cell.text or "" for table in static_tables(app) for cell in table.iter("td"))
    for frame in app.dataframe:
        yield from (cell for column in frame.value.columns for cell in frame.value[column] if isinstance(cell, str))
    yield from (text for chart in row_charts(app) for text in (*chart.itertext(), *(one.get("title", "")
                                                                                   for one in chart.iter("div"))))
    yield from (chart.proto.spec for chart in app.get("plotly_chart"))


@pytest.mark.parametrize("state", stores.STATES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_every_state(page: str, state: str, state_folders: Folders, opened: Opened) -> None:
    app = opened(state_folders[state][0], page)
    assert not app.exception
    words = words_of(app)
    assert "Traceback" not in words
    nobody = any(labels.NO_RUNNER in warning.value for warning in app.sidebar.warning)
    assert nobody == (state not in CONNECTED)
    assert WITHOUT_A_RUNNER.get((page, state), "") in words
    assert [text for text in own_texts(app) if _PERCENT.search(text)] == [], "shares of few items are shown as counts"
    assert SAID.get((page, state), "") in words
    assert state == "hostile" or [text for text in own_texts(app) if not text.startswith("{")  # a chart's JSON
                                  and _HYPHEN.search(text)] == []


def test_a_very_long_answer_is_clipped_with_a_note(state_folders: Folders, opened: Opened) -> None:
    folder, run = state_folders["hostile"]
    app = opened(folder, "answers", run=str(run))
    app.text_input(key="words").set_value("A" * 50).run()
    assert any("of 100,000 characters" in caption.value for caption in app.caption)
    assert all(len(code.value) <= 6000 for code in app.code)


def test_the_failure_page_shows_advice_and_no_trace(state_folders: Folders, opened: Opened) -> None:
    words = words_of(opened(state_folders["failed"][0], "live"))
    assert "Check --student" in words
    assert "Traceback" not in words


def test_the_overview_of_a_failed_run_says_why_and_what_to_do(state_folders: Folders, opened: Opened) -> None:
    words = words_of(opened(state_folders["failed"][0]))
    assert "Check --student" in words and labels.ENDED_WITHOUT_SCORES in words
    assert "No verdict" in words and "No verdict yet" not in words


def test_without_a_runner_the_sidebar_says_how_to_start_one(state_folders: Folders, opened: Opened) -> None:
    app = opened(state_folders["queued"][0])
    assert any(labels.NO_RUNNER in warning.value for warning in app.sidebar.warning)


def test_a_connected_runner_is_named_until_it_goes(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    owner, started = stores.connect_runner(store)
    app = opened(tmp_path)
    assert any("Runner online" in element.value for element in app.sidebar.markdown)
    heartbeats.record_heartbeat(store, owner, started, stopped=True)
    assert any(labels.NO_RUNNER in element.value for element in app.run().sidebar.warning)
    store.close()


def test_a_queued_run_speaks_of_a_missing_runner_only_where_none_is_connected(tmp_path: Path, opened: Opened) -> None:
    stores.build("queued", tmp_path)
    assert labels.NO_RUNNER_HINT in words_of(opened(tmp_path, "live"))
    store = stores.store_at(tmp_path)
    stores.connect_runner(store)
    store.close()
    assert labels.NO_RUNNER_HINT not in words_of(opened(tmp_path, "live"))


def test_a_link_opens_the_run_that_it_names(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    for name in ("regressed", "small", "failed"):
        app = opened(folder, "overview", run=runs[name])
        assert app.selectbox(key="run").value == runs[name]
    app = opened(folder, "answers", run=runs["finished"], cycle="2", tier="practice", metric="fact_recall")
    values = {key: app.selectbox(key=key).value for key in ("run", "cycle", "tier", "metric")}
    assert values == {"run": runs["finished"], "cycle": "2", "tier": "practice", "metric": "fact_recall"}


def test_a_link_to_what_is_not_there_falls_back(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "answers", run=runs["finished"], cycle="99", tier="<b>", metric="nonsense")
    assert not app.exception
    assert app.selectbox(key="cycle").value == "3" and "'99' is not available here" in words_of(app)
    assert app.selectbox(key="tier").value in ("all", "held-out")


@pytest.mark.parametrize("page", ["overview", "answers", "live", "playground"])
def test_a_link_to_an_unknown_run_shows_no_other_run_until_one_is_chosen(
        page: str, all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, page, run="no-such-run")
    assert "This store has no run 'no-such-run'" in words_of(app) and not app.exception
    assert not app.metric and "run" not in {box.key for box in app.selectbox}
    app.selectbox(key="instead of an unknown run").select(runs["finished"]).run()
    assert app.selectbox(key="run").value == runs["finished"]
    assert app.query_params["run"] == runs["finished"] and not app.exception


@pytest.mark.parametrize("page", PAGES)
def test_a_visit_writes_nothing_to_the_address_by_itself(page: str, all_states: tuple[Path, dict[str, str]],
                                                         opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder)
    app.selectbox(key="run").select(runs["small"]).run()
    assert app.query_params["run"] == runs["small"]
    app.query_params.clear()
    app.switch_page(f"app_pages/{page}.py").run()
    assert dict(app.query_params) == {}


def test_compare_begins_with_the_run_in_view(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder)
    app.selectbox(key="run").select(runs["small"]).run()
    app.switch_page("app_pages/compare.py").run()
    assert all(key.startswith(runs["small"]) for key in app.multiselect(key="cycles").value[:1])
    shown = app.multiselect(key="cycles").options
    assert len(set(shown)) == len(shown)


def test_the_overview_answers_for_the_newest_finished_run(all_states: tuple[Path, dict[str, str]],
                                                          opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder)
    assert app.selectbox(key="run").value == runs["finished"]
    assert "run" not in app.query_params


def test_a_choice_stays_from_page_to_page(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder)
    app.selectbox(key="run").select(runs["small"]).run()
    app.switch_page("app_pages/answers.py").run()
    assert app.selectbox(key="run").value == runs["small"]


def test_history_narrows_by_state_and_words(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    app = opened(all_states[0], "history")
    assert len(app.dataframe[0].value) == 9
    app.selectbox(key="history state").select("finished").run()
    assert set(app.dataframe[0].value["state"]) == {"✓ Finished"}
    app.text_input(key="history words").set_value("three cycles").run()
    assert list(app.dataframe[0].value["name"]) == ["three cycles on five topics"]


def test_compare_flags_different_held_out_sets(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "compare", cycles=f"{runs['finished']}:3,{runs['small']}:2")
    assert any("different held-out sets" in warning.value for warning in app.main.warning)
    assert "Held-out questions" in {cell.text for table in static_tables(app) for cell in table.iter("td")}


def test_a_store_that_is_no_database_is_one_sentence(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "events.db").write_bytes(b"this is no database at all" * 100)
    app = opened(tmp_path)
    assert not app.exception
    assert any("cannot be read" in error.value for error in app.error)


def test_a_store_that_appears_later_is_seen(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "history")
    assert labels.NO_RUNS["history"] in words_of(app)
    stores.build("queued", tmp_path)
    assert len(app.run().dataframe[0].value) == 1


def test_tuned_students_are_paired_on_the_same_test_and_else_refused(all_states: tuple[Path, dict[str, str]],
                                                                     opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "compare", cycles=f"{runs['finished']}:1,{runs['finished']}:3")
    assert not app.exception
    (paired,) = (frame.value for frame in app.dataframe if "judge" in frame.value.columns)
    assert set(paired["cycle"]) == {"cycle 3"} and "Multiple-choice accuracy" in set(paired["metric"])
    app = opened(folder, "compare", cycles=f"{runs['finished']}:3,{runs['small']}:2")
    assert "not paired, because they were tested on different held-out questions" in words_of(app)


def test_compare_shows_the_control_arms_of_a_run_that_has_them(state_folders: Folders, opened: Opened) -> None:
    app = opened(state_folders["arms"][0], "compare")
    assert not app.exception
    assert any("interpretation" in frame.value.columns for frame in app.dataframe)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_over_a_thousand_cycles(page: str, thousand_cycles: Path, opened: Opened) -> None:
    app = opened(thousand_cycles, page)
    assert not app.exception and not app.main.error
    assert "No run yet" not in words_of(app) and labels.NO_STORE not in words_of(app)


def test_a_link_opens_the_answer_that_it_names(all_states: tuple[Path, dict[str, str]], opened: Opened) -> None:
    folder, runs = all_states
    app = opened(folder, "answers", run=runs["finished"], question="held-out-0-17")
    assert any("field 17 of" in element.value for element in app.text)
    gone = opened(folder, "answers", run=runs["finished"], question="no such question")
    assert not gone.exception and "Question 1 of " in words_of(gone)


def test_history_leads_through_all_runs_a_page_at_a_time(all_states: tuple[Path, dict[str, str]], opened: Opened,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_table, "A_PAGE", 4)
    folder, runs = all_states
    seen = []
    for page in ("1", "2", "3"):
        app = opened(folder, "history", **{"history page": page, "history order": "oldest"})
        assert not app.exception
        seen += list(app.dataframe[0].value["run"])
    assert seen[0] == runs["hostile"] and sorted(seen) == sorted(runs.values())
    assert "Runs 9 to 9 of 9." in words_of(app)
    beyond = opened(folder, "history", **{"history page": "7 or so"})
    assert not beyond.exception and "Runs 1 to 4 of 9." in words_of(beyond)


def test_a_link_opens_a_run_that_is_too_old_for_the_list(all_states: tuple[Path, dict[str, str]], opened: Opened,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    read, (folder, runs) = queries.all_runs, all_states
    monkeypatch.setattr(queries, "all_runs", lambda store: read(store, 2))
    for page in ("overview", "answers", "live", "playground"):
        app = opened(folder, page, run=runs["regressed"])
        assert not app.exception and app.selectbox(key="run").value == runs["regressed"]
        assert len(app.selectbox(key="run").options) == 3
    app = opened(folder, "compare", cycles=f"{runs['regressed']}:1,{runs['small']}:2,no-such-run:1")
    assert not app.exception and app.multiselect(key="cycles").value == [f"{runs['regressed']}:1", f"{runs['small']}:2"]
