"""The page Dataset of a run that waits for its review: decide on one or many, ask again, go on; and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import identity
from dashboard.panels.dataset_items import PAGE_SIZE
from store import queries
from store.commands import review
from store.commands.review import Decision, Person
from store.database import Store, open_store
from store.dataset_items import APPROVED, REJECTED, UNDECIDED
from store.permissions import Role
from store.queries import dataset_items as dataset_items_module
from store.queries.dataset_flags import flags_of
from store.queries.event_log import events_of_kinds
from store.queries.dataset_items import dataset_items, dataset_review, item_entries
from tests.addresses import address_in
from tests.dashboard.conftest import words_of
from tests.store.made_review import record, waiting_run

Opened = Callable[..., AppTest]
FIRST = record(0).question_id


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Path, str, Store]]:
    store = open_store(address_in(tmp_path))
    run = waiting_run(store)
    yield tmp_path, run, store
    store.close()


def states(store: Store, run: str) -> dict[str, str]:
    return {one.question_id: one.decision for one in dataset_items(store, run)}


def click(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if label in (button.label, button.key)).click().run()
    assert not app.exception
    return app


def test_the_page_opens_on_the_run_that_waits_and_one_question_is_edited_and_rejected(
        waiting: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = waiting
    app = opened(folder, "dataset")
    assert "10 undecided, 0 approved, 0 rejected" in words_of(app) and "no student has answered" in words_of(app)
    seen = dataset_items(store, run)[0].seen
    app.text_area(key=f"answer {FIRST} {seen}").set_value("It holds 9 bar.")
    click(app, "Save and approve")
    item = dataset_items(store, run)[0]
    assert (item.answer, item.decision, item.by) == ("It holds 9 bar.", APPROVED, identity.ANONYMOUS)
    click(app, "Reject item")
    assert "a rejection needs a reason" in words_of(app)
    app.text_input(key=f"why {FIRST} {item.seen}").set_value("dull")
    click(app, "Reject item")
    assert states(store, run)[FIRST] == REJECTED
    assert "rejected: dull" in words_of(app) and "edited" in words_of(app)
    assert [one.what for one in item_entries(store, run)] == ["edited", "rejected"]


def test_the_second_of_two_editors_is_told_on_the_page(waiting: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = waiting
    app = opened(folder, "dataset", run=run)
    review.decide(store, run, [Decision(FIRST, answer="Ben's answer.")], Person("ben"))
    seen = next(area.key for area in app.text_area if str(area.key).startswith(f"answer {FIRST}"))
    app.text_area(key=seen).set_value("My answer.")
    click(app, "Save and approve")
    assert f"ben changed question {FIRST} after you saw it" in words_of(app)
    assert dataset_items(store, run)[0].answer == "Ben's answer."


def test_a_filter_is_approved_in_one_step_and_the_review_ends(waiting: tuple[Path, str, Store],
                                                              opened: Opened) -> None:
    folder, run, store = waiting
    app = opened(folder, "dataset", run=run, part="test")
    click(app, "Approve all 4 shown")
    assert sum(state == APPROVED for state in states(store, run).values()) == 4
    app = opened(folder, "dataset", run=run, part="train", words="number 0")
    app.text_input(key=f"reason of many filter {run}").set_value("dull")
    next(button for button in app.button if button.key == "reject filter").click().run()
    assert states(store, run)[FIRST] == REJECTED
    assert next(button for button in app.button if button.key == "finish review").disabled
    click(app, "Ask again for 1")
    found = queries.find_run(store, run)
    assert found and found.work == "queued" and dataset_review(store, run).wanted_again() == ()


def test_going_on_needs_every_decision_and_records_who(waiting: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = waiting
    app = opened(folder, "dataset", run=run)
    click(app, "Approve all 10 shown")
    click(app, "Train on what is approved")
    found = queries.find_run(store, run)
    assert found and found.work == "queued" and dataset_review(store, run).finished
    assert "Review its questions" not in words_of(opened(folder, "live", run=run))


def test_reviewers_may_comment_and_flag_but_not_decide(waiting: tuple[Path, str, Store], opened: Opened,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run, store = waiting
    monkeypatch.setattr(identity, "current_user", lambda: identity.User("rita", Role.REVIEWER))
    app = opened(folder, "dataset", run=run)
    labels = {button.label for button in app.button}
    assert {"Comment", "Flag"} <= labels
    assert not {"Reject", "Save and approve", "Ask again for 0", "Train on what is approved"} & labels
    app.text_area(key=f"comment words {FIRST}").set_value("which winter?")
    click(app, "Comment")
    assert [(one.by, one.text) for one in item_entries(store, run)] == [("rita", "which winter?")]
    app.text_area(key=f"reason {FIRST}").set_value("the plate says 9")
    click(app, "Flag")
    assert [(one.by, one.reason) for one in flags_of(store, run)] == [("rita", "the plate says 9")]
    assert "wrong reference: the plate says 9 (rita" in words_of(app)


def test_of_ten_thousand_items_a_window_is_sent_and_what_was_read_is_not_read_again(
        tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(address_in(tmp_path))
    run = waiting_run(store, train=9_000, test=1_000)
    reads: list[str] = []
    monkeypatch.setattr(dataset_items_module, "events_of_kinds", lambda store, run, kinds: (
        reads.append(run), events_of_kinds(store, run, kinds))[1])
    app = opened(tmp_path, "dataset", run=run)
    before = len(reads)
    for _ in range(2):
        app.run()
    assert not app.exception and "10,000 undecided" in words_of(app)
    assert 0 < len(reads) == before, "once for the page, and not at all for the next two looks"
    assert 0 < sum(len(table.value) for table in app.dataframe) <= PAGE_SIZE
    assert set(states(store, run).values()) == {UNDECIDED}
    store.close()
