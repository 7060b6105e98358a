"""Page performance: few SQL statements for any store size, little work per refresh, no unneeded imports."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard.panels import dataset_items, run_comparison
from dashboard.view_models.answer_filter import ranked_by
from dashboard.view_models.cycle_selection import SelectedCycle
from store import queries
from store.database import open_store
from store.event_log import event_rows, leases
from store.event_log.journal import Journal
from store.events import MetricLogged
from store.queries import answer_list, answers, side_by_side
from tests.bench.seeded_store import CYCLES_A_RUN, Size, run_name, seed
from tests.dashboard import stores as made
from tests.dashboard.conftest import APP

PAGES = ("overview", "answers", "compare", "playground", "live", "history", "schedules", "system", "knowledge")
MOST_STATEMENTS = 75
"""Maximum statements of a page with empty caches, including the sidebar. Compare has most, for six cycles."""
ROOT = Path(__file__).parents[2]
_FOLDER = "sizes"


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect all SQL statements on the stores of this file; other tests may have left something that reads its own."""
    said: list[str] = []

    def note(connection: Connection, *args: object) -> None:
        if (statement := str(args[1])) != "BEGIN" and f"/{_FOLDER}" in str(connection.engine.url):
            said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def seeded(folder: Path, cycles: int) -> Path:
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/events.db")
    seed(store, Size(events=cycles * 60, cycles=cycles, answers=cycles * 4))
    store.close()
    return folder


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store with two runs and one with eight."""
    folder = tmp_path_factory.mktemp(_FOLDER)
    return seeded(folder / "few", 2 * CYCLES_A_RUN), seeded(folder / "many", 8 * CYCLES_A_RUN)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_much_of_a_large_store_as_of_a_small_one(page: str, stores: tuple[Path, Path],
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    monkeypatch.delenv("STORE_URL", raising=False)
    for folder in stores:
        monkeypatch.setenv("DATA_DIR", str(folder))
        st.cache_resource.clear()
        st.cache_data.clear()  # what is kept for a minute would be asked again by whichever comes late
        app = AppTest.from_file(str(APP), default_timeout=600)
        if page != "overview":
            app.switch_page(f"app_pages/{page}.py")
        with statements() as said:
            app.run()
        assert not app.exception
        counted.append(len(said))
    assert counted[0] == counted[1] <= MOST_STATEMENTS


def follow(store: object, run: str) -> None:
    """A script for AppTest, which receives only the function body and therefore imports all names itself."""
    from dashboard.panels import run_monitor
    from store import queries
    run_monitor.run_monitor(store, queries.find_run(store, run))  # type: ignore[arg-type]


@pytest.fixture
def followed(stores: tuple[Path, Path]) -> Iterator[tuple[AppTest, Journal]]:
    """The run monitor of an active run, drawn twice, and the journal of its runner."""
    store = open_store(f"sqlite:///{stores[0]}/events.db")
    claim = leases.claim_next(store, leases.owner_name(), run_name(1))
    assert claim
    app = AppTest.from_function(follow, default_timeout=600, args=(store, claim.run))
    try:
        app.run().run()
        assert not app.exception
        yield app, Journal(store, claim)
    finally:
        leases.release(store, claim)
        store.close()


def test_a_tick_with_nothing_new_asks_one_thing_and_draws_no_figure(
        followed: tuple[AppTest, Journal], monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.panels import run_monitor
    drawn: list[object] = []
    monkeypatch.setattr(run_monitor, "losses", _counted(run_monitor.losses, drawn))
    with statements() as said:
        app = followed[0].run()
    assert len(said) == 1
    assert not drawn
    assert app.get("plotly_chart"), "what was drawn before must still be there"


def _counted(figure: Callable[..., object], drawn: list[object]) -> Callable[..., object]:
    def counted(*given: object) -> object:
        drawn.append(given)
        return figure(*given)
    counted.__module__, counted.__qualname__ = figure.__module__, figure.__qualname__
    return counted


def test_a_tick_with_news_reads_the_news_alone_and_shows_it(followed: tuple[AppTest, Journal]) -> None:
    app, journal = followed
    journal.append(MetricLogged("loss", 9_999, 0.4321, "nats"), cycle=CYCLES_A_RUN, stage="fine-tune")
    with statements() as said:
        app.run()
    assert len(said) <= 10
    assert any("0.43" in str(metric.value) for metric in app.metric)


def test_numbers_that_are_kept_are_the_numbers_of_the_store(followed: tuple[AppTest, Journal],
                                                            stores: tuple[Path, Path]) -> None:
    from dashboard.access import series_cache
    store = open_store(f"sqlite:///{stores[0]}/events.db")
    for step in (1, 10_001, 2, 10_002):  # a run that was stopped logs some of its steps again
        followed[1].append(MetricLogged("loss", step, step / 3, "nats"), cycle=CYCLES_A_RUN, stage="fine-tune")
        run = queries.find_run(store, run_name(1))
        assert run
        assert series_cache.series(store, run, "loss") == queries.series(store, run.id, "loss")
    store.close()


_EVERY_PAGE = """
import json, sys
from streamlit.testing.v1 import AppTest
for page in json.loads(sys.argv[1]):
    app = AppTest.from_file("dashboard/app.py", default_timeout=600)
    if page != "overview":
        app.switch_page(f"app_pages/{page}.py")
    app.run()
    assert not app.exception, page
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_no_page_ever_imports_a_model_library(stores: tuple[Path, Path]) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"}
    done = subprocess.run([sys.executable, "-c", _EVERY_PAGE, json.dumps(PAGES)], cwd=ROOT, capture_output=True,
                          text=True, timeout=600, env=environment | {"DATA_DIR": str(stores[0])}, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "streamlit" in loaded
    assert not loaded & {"torch", "transformers", "peft", "trl", "ragas", "openai", "datasets", "sentence_transformers"}


def test_what_is_remembered_is_read_once_until_the_run_has_news(followed: tuple[AppTest, Journal],
                                                                stores: tuple[Path, Path]) -> None:
    from dashboard.access import cached_queries
    store, journal = open_store(f"sqlite:///{stores[0]}/events.db"), followed[1]

    def looks() -> list[object]:
        run = queries.find_run(store, run_name(1))
        assert run
        return [cached_queries.stages(store, run), cached_queries.cycles(store, run),
                cached_queries.changes(store, run),
                *(cached_queries.answers(store, run, cycle) for cycle in (1, 2))]

    with statements() as said:
        first = looks()
        asked = len(said)
        again = looks()
    assert len(said) - asked == 1, "the run alone"
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert len({id(one) for one in first}) == len(first) and first[3] != first[4]
    journal.append(MetricLogged("loss", 5, 1.0, "nats"), cycle=CYCLES_A_RUN, stage="fine-tune")
    assert not any(one is other for one, other in zip(first, looks(), strict=True))
    store.close()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with a run of three cycles with 30 practice questions each and a test of 20; and the run."""
    folder = tmp_path_factory.mktemp("compared")
    store = made.store_at(folder)
    run = made.finished(store, made.long_ago(3), (0.1, 0.2, 0.1), questions=30, held_out=20)
    store.close()
    return folder, run


@pytest.fixture
def read_whole(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a page reads whole: answers with passage, distractors and all scores, and events with questions."""
    found: list[object] = []
    for module, name in ((answers, "_pair"), (event_rows, "recorded_from")):
        monkeypatch.setattr(module, name, _counted(getattr(module, name), found))
    st.cache_resource.clear()
    return found


@pytest.mark.parametrize("page", ["overview", "compare"])
def test_a_page_of_results_reads_no_question_and_no_answer_whole(
        page: str, compared: tuple[Path, str], opened: Callable[..., AppTest], read_whole: list[object]) -> None:
    app = opened(compared[0], page, run=compared[1])
    assert not app.exception and app.subheader
    whole = {getattr(given[0], "kind", "answer") for given in read_whole}  # type: ignore[index]
    assert not whole & {"answer", "QuestionsAsked", "ReferencesWritten", "AnswersGiven", "AnswersScored"}


def test_dataset_reads_the_sets_that_its_page_shows(
        compared: tuple[Path, str], opened: Callable[..., AppTest], read_whole: list[object],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_items, "PAGE_SIZE", 20)
    for at, cycles in (("1", [1, 1]), ("2", [1, 1, 2, 2]), ("5", [0, 0, 3, 3]), ("6", [0, 0])):
        read_whole.clear()
        st.cache_resource.clear()
        app = opened(compared[0], "dataset", run=compared[1], rows=at)
        assert not app.exception and len(app.dataframe[0].value) in (10, 20)
        assert [given[0].cycle for given in read_whole  # type: ignore[index]
                if given[0].kind in ("QuestionsAsked", "ReferencesWritten")] == cycles  # type: ignore[index]


def test_answers_reads_one_question_whole_and_the_scores_that_its_order_needs(
        compared: tuple[Path, str], opened: Callable[..., AppTest], read_whole: list[object],
        monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[object] = []
    monkeypatch.setattr(answer_list, "ListedAnswer", _counted(answer_list.ListedAnswer, listed))
    app = opened(compared[0], "answers", run=compared[1], metric="fact_recall")
    assert not app.exception and len(read_whole) == 1
    assert len(listed) == 50 and {name for row in listed for name in row[-1]} <= set(  # type: ignore[index]
        ranked_by("fact_recall"))


def test_compare_reads_the_questions_of_a_test_once_for_all_cycles_of_a_run(
        compared: tuple[Path, str], opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    tests = importlib.import_module("store.queries.test_scores")
    questions: list[object] = []
    listed: list[object] = []
    monkeypatch.setattr(tests, "TestQuestion", _counted(tests.TestQuestion, questions))
    monkeypatch.setattr(side_by_side, "AskedQuestion", _counted(side_by_side.AskedQuestion, listed))
    st.cache_resource.clear()
    app = opened(compared[0], "compare", cycles=",".join(f"{compared[1]}:{cycle}" for cycle in (1, 2, 3)))
    assert not app.exception and len(questions) == len(listed) == 20


def test_compare_resamples_nothing_before_the_export_asks_for_it(
        compared: tuple[Path, str], opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    resampled: list[object] = []
    module = importlib.import_module("store.statistics.paired_change")
    monkeypatch.setattr(module, "cluster_bootstrap", _counted(module.cluster_bootstrap, resampled))
    app = opened(compared[0], "compare", cycles=f"{compared[1]}:1,{compared[1]}:2")
    assert [frame for frame in app.dataframe if "95% interval" in frame.value.columns] and not resampled
    store = open_store(f"sqlite:///{compared[0]}/events.db")
    run = queries.find_run(store, compared[1])
    assert run
    rows = run_comparison.exported(store, [SelectedCycle(run, cycle, ()) for cycle in (1, 2)], ())
    assert resampled and all(row["bootstrap_low"] is not None for row in rows if row["scored"] >= 6)
    store.close()


def test_the_chart_of_each_question_is_drawn_where_it_is_opened(
        compared: tuple[Path, str], opened: Callable[..., AppTest]) -> None:
    app = opened(compared[0], "answers", run=compared[1])
    assert not app.get("plotly_chart")
    app.session_state["per question folded"] = True
    assert app.run().get("plotly_chart")
