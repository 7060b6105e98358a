"""The page Dataset: what it shows of a run, and people's flags, which are events, on Answers and in the pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import identity
from dashboard.view_models import dataset_rows
from runner.cli.main import main
from store.commands import CommandRefused, dataset
from store.database import Store, open_store
from store.events import ItemFlagged
from store.permissions import PermissionDenied, Role
from store.queries.dataset_flags import ItemFlag, flags_of
from store.queries.dataset_items import DatasetItem, dataset_items, rejected_drafts
from store.report import as_html, gather
from store.timestamps import parse, utc_now
from tests.addresses import address_in
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]
REASON = "the passage says 30 seconds"


@pytest.fixture
def finished(tmp_path: Path) -> Iterator[tuple[Path, str, Store]]:
    run = str(stores.build("finished", tmp_path))
    store = open_store(address_in(tmp_path))
    yield tmp_path, run, store
    store.close()


def flagged(question: str, flag: str = "wrong reference", by: str = "ann", withdrawn: bool = False) -> ItemFlagged:
    return ItemFlagged(question, flag, REASON, by, withdrawn)


def test_the_table_has_every_question_and_filters_them(finished: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = finished
    items, drafts = dataset_items(store, run), rejected_drafts(store, run)
    app = opened(folder, "dataset", run=run)
    assert len(app.dataframe[0].value) == min(500, len(items)) and items[0].question in words_of(app)
    of_test = [item for item in items if item.part == "test"]
    app = opened(folder, "dataset", run=run, part="test", words=of_test[1].question)
    assert list(app.dataframe[0].value["question"]) == [
        item.question for item in of_test if of_test[1].question in item.question]
    assert {item.part for item in items} == {"train", "test"} and isinstance(drafts, list)


def test_a_flag_on_the_page_is_an_event_and_stands_on_answers_and_in_the_pack(finished: tuple[Path, str, Store],
                                                                             opened: Opened) -> None:
    folder, run, store = finished
    app = opened(folder, "dataset", run=run, part="test")
    question = next(item for item in dataset_items(store, run) if item.part == "test").question_id
    app.text_area(key=f"reason {question}").set_value(REASON)
    next(button for button in app.button if button.label == "Flag").click().run()
    assert not app.exception
    (flag,) = flags_of(store, run)
    assert (flag.question_id, flag.flag, flag.reason, flag.by) == (question, "wrong reference", REASON,
                                                                   identity.ANONYMOUS)
    assert f"wrong reference: {REASON}" in words_of(app)
    assert REASON in words_of(opened(folder, "answers", run=run, question=question))
    evidence = gather(store, run)
    assert evidence and "Flagged by 1 person: 1 questions (1 with wrong reference, 0 with bad question)" in as_html(
        evidence)
    next(button for button in app.button if button.label == "Withdraw").click().run()
    assert not flags_of(store, run)


def test_reviewers_may_flag_and_viewers_may_not(finished: tuple[Path, str, Store]) -> None:
    _, run, store = finished
    question = dataset_items(store, run)[0].question_id
    dataset.flag(store, run, flagged(question), Role.REVIEWER)
    with pytest.raises(PermissionDenied, match="viewers may not flag: ask one of the reviewers or operators"):
        dataset.flag(store, run, flagged(question), Role.VIEWER)
    dataset.flag(store, run, flagged(question, "bad question", "ben"), Role.OPERATOR, "once")
    dataset.flag(store, run, flagged(question, "bad question", "ben"), Role.OPERATOR, "once")
    assert [(one.flag, one.by) for one in flags_of(store, run)] == [("wrong reference", "ann"), ("bad question", "ben")]
    dataset.flag(store, run, flagged(question, withdrawn=True), Role.REVIEWER)
    assert [one.by for one in flags_of(store, run)] == ["ben"]


@pytest.mark.parametrize(("event", "says"), [
    (ItemFlagged("none", "wrong reference", REASON, "ann"), "has no question 'none'"),
    (ItemFlagged("", "dull", REASON, "ann"), "a flag is one of wrong reference, bad question"),
    (ItemFlagged("", "bad question", " ", "ann"), "a flag needs a reason"),
    (ItemFlagged("", "bad question", REASON, " "), "a flag needs a name")])
def test_a_flag_that_says_nothing_is_refused(finished: tuple[Path, str, Store], event: ItemFlagged, says: str) -> None:
    _, run, store = finished
    with pytest.raises(CommandRefused, match=says):
        dataset.flag(store, run, event)
    assert not flags_of(store, run)


def test_the_command_line_flags_and_shows_it(finished: tuple[Path, str, Store], monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    folder, run, store = finished
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.setenv("STORE_URL", store.url)
    question = dataset_items(store, run)[0].question_id
    assert main(["dataset", "flag", run, question, "--flag", "bad question", "--reason", REASON, "--by", "ann"]) == 0
    assert main(["dataset", "show", run, "--limit", "1"]) == 0
    assert "Flagged by 1 person: 1 questions (0 with wrong reference, 1 with bad question)" in capsys.readouterr().out
    assert main(["dataset", "flag", run, "none", "--reason", REASON]) == 2


def test_rows_of_flagged_items_are_filtered_and_downloaded_with_their_flags() -> None:
    items = [DatasetItem(f"q{n}", 1, "train", "practice", "pods", "Pods", f"Question {n}?", f"Answer {n}", None, "",
                         "", "own.csv, row 2", ("one",), ("false",), "people", "people (own.csv)") for n in range(3)]
    flags = [ItemFlag("q1", "bad question", REASON, "ann", parse(utc_now()))]
    assert [item.question_id for item in dataset_rows.filtered(items, flags, "flagged", "")] == ["q1"]
    assert [item.question_id for item in dataset_rows.filtered(items, flags, "all", "answer 2")] == ["q2"]
    assert list(dataset_rows.counts(items, [], flags).values()) == ["All (3)", "Training (3)", "Flagged (1)"]
    assert [row["flags"] for row in dataset_rows.exported(items, flags)] == ["", "bad question", ""]
