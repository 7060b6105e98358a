"""The page Dataset gives both sets to take along, and brings a set back that was edited elsewhere."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.panels import take_along
from dashboard.session import identity
from store import queries
from store.commands import review
from store.commands.review import Decision, Person
from store.csv_json_html import to_csv
from store.database import Store, open_store
from store.dataset_files import dataset_files
from store.dataset_items import APPROVED, REJECTED
from store.permissions import Role
from store.queries.dataset_items import dataset_content, dataset_items, dataset_review, item_entries
from tests.addresses import address_in
from tests.dashboard.conftest import words_of
from tests.store.made_review import asked_run, record, waiting_run

Opened = Callable[..., AppTest]
FIRST, SECOND = record(0).question_id, record(1).question_id
HOSTILE = '=HYPERLINK("http://evil")<img src=x onerror=alert(1)>'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(address_in(tmp_path))
    yield opened
    opened.close()


def edited(store: Store, run: str, new: dict[str, str] | None = None) -> bytes:
    """The training set as a CSV file, with the first answer changed, the second row deleted and a row added."""
    found = queries.find_run(store, run)
    assert found
    rows = list(csv.DictReader(dataset_files(found, dataset_content(store, run)).contents["csv/train.csv"].decode(
        "utf-8-sig").splitlines()))
    changed = [row | ({"answer": HOSTILE} if row["id"] == FIRST else {}) for row in rows if row["id"] != SECOND]
    return to_csv([*changed, *([dict.fromkeys(rows[0], "") | new] if new else [])]).encode()


def uploaded(app: AppTest, run: str, data: bytes) -> AppTest:
    app.file_uploader(key=f"edited set {run}").set_value([("edited.csv", data, "text/csv")]).run()
    assert not app.exception
    return app


def test_a_set_comes_back_with_its_difference_and_its_new_rows(store: Store, tmp_path: Path, opened: Opened) -> None:
    run = waiting_run(store)
    data = edited(store, run, {"question": "Who paints our own pumps?", "answer": "The painter does."})
    app = uploaded(opened(tmp_path, "dataset", run=run), run, data)
    assert "edited.csv: 1 edited, 1 not in the file and rejected, 4 approved, 0 unchanged, 1 new" in words_of(app)
    shown = next(frame.value for frame in app.dataframe if "before" in map(str.casefold, frame.value.columns))
    assert HOSTILE in list(shown["after"]) and "new (train)" in list(shown["what"])
    app.text_input(key="reason of edited set").set_value("the plates say so")
    app.button(key="record edited set").click().run()
    items = {item.question_id: item for item in dataset_items(store, run)}
    assert items[FIRST].answer == HOSTILE and items[SECOND].decision == REJECTED
    (added,) = [item for item in items.values() if item.question == "Who paints our own pumps?"]
    assert (added.part, added.origin, added.decision, added.by) == ("train", "people", APPROVED, identity.ANONYMOUS)
    assert "people (edited.csv)" in added.writer and "edited.csv, row 7" in added.source
    (entry,) = [one for one in item_entries(store, run) if one.what == "added"]
    assert (entry.text, entry.answer) == ("the plates say so", "The painter does.")
    assert "1 questions and 1 references, written by people (edited.csv)" in words_of(app)
    assert app.button(key="record edited set").disabled  # it is so already


def test_what_cannot_come_back_is_said_with_its_row_and_nothing_is_changed(store: Store, tmp_path: Path,
                                                                          opened: Opened) -> None:
    run = asked_run(store)
    app = uploaded(opened(tmp_path, "dataset", run=run), run,
                   edited(store, run, {"question": "Who paints our pumps?", "split": "exam"}))
    assert "edited.csv: row 5 has no answer" in words_of(app)
    uploaded(app, run, b'question,answer\n"Which pressure')
    assert "edited.csv: row 2 is no CSV" in words_of(app) and "the file may be cut off" in words_of(app)
    data = edited(store, run)
    review.decide(store, run, [Decision(FIRST, answer="Ben's answer.")], Person("ben"))
    uploaded(opened(tmp_path, "dataset", run=run), run, data).button(key="record edited set").click().run()
    assert dataset_review(store, run).versions["train"] == 2  # ben's alone
    assert {item.question_id: item.answer for item in dataset_items(store, run)}[FIRST] == "Ben's answer."


def test_reviewers_take_sets_along_and_bring_none_back(store: Store, tmp_path: Path, opened: Opened,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    run = waiting_run(store)
    monkeypatch.setattr(identity, "current_user", lambda: identity.User("rita", Role.REVIEWER))
    app = opened(tmp_path, "dataset", run=run)
    assert not [one for one in app.get("file_uploader") if "edited set" in str(one.key)]
    assert not app.exception


def test_the_archive_is_the_folder_and_leaves_out_what_was_rejected(store: Store) -> None:
    run = waiting_run(store)
    review.decide(store, run, [Decision(SECOND, REJECTED)], Person("ann"), "dull")
    found, content = queries.find_run(store, run), dataset_content(store, run)
    assert found
    packed = take_along._all_forms(found, lambda: content, "set")()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files == {f"set/{name}": data for name, data in dataset_files(found, content).contents.items()}
    chats = [json.loads(line)["messages"] for line in take_along._one_form(lambda: content, take_along.CHAT, "train")(
        ).decode().splitlines()]
    assert len(chats) == 5 and [turn["role"] for turn in chats[0]] == ["user", "assistant"]
    assert files["set/chat/train.jsonl"].decode().count("\n") == 5 and b"rejected by people" in files["set/README.md"]
