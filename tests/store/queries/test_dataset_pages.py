"""Questions read a page at a time are the same, in the same order, as those that are read whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.commands import review
from store.commands.review import Decision, Person
from store.database import Store
from store.dataset_items import REJECTED
from store.queries.data_origin import question_origins
from store.queries.dataset_items import dataset_content, dataset_items
from store.queries.dataset_pages import count_of_questions, items_between, unchanged_sets
from tests.dashboard import stores
from tests.store.made_review import asked_run, waiting_run


@pytest.fixture
def finished(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    store = stores.store_at(tmp_path)
    yield store, stores.finished(store, stores.long_ago(3), (0.1, 0.2), questions=7, held_out=11, general=8)
    store.close()


def test_pages_are_slices_of_all_questions(finished: tuple[Store, str]) -> None:
    store, run = finished
    found, items = unchanged_sets(store, run), dataset_items(store, run)
    assert found and {one.part for one in found.sets} == {"train", "test", "general"}
    for part in ("", "train", "test", "general"):
        wanted = [item for item in items if part in ("", item.part)]
        assert found.count(part) == len(wanted)
        for first in range(0, len(wanted) + 1, 3):
            assert items_between(store, run, found.of(part), first, 5) == wanted[first:first + 5]


def test_what_is_said_of_the_sets_is_what_the_questions_say(finished: tuple[Store, str]) -> None:
    store, run = finished
    found, content = unchanged_sets(store, run), dataset_content(store, run)
    assert found and found.origins == question_origins(store, run).origins and found.drafts == content.drafts
    assert found.has_references
    ids = [item.question_id for item in content.review.items[:3]]
    assert count_of_questions(store, run, [*ids, "no such question"]) == 3
    assert count_of_questions(store, run, []) == 0


def test_sets_on_which_somebody_decides_are_read_whole(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    waiting, asked = waiting_run(store), asked_run(store)
    assert unchanged_sets(store, waiting) is None and unchanged_sets(store, asked) is not None
    review.decide(store, asked, [Decision(dataset_items(store, asked)[0].question_id, REJECTED)], Person("ann"), "dull")
    assert unchanged_sets(store, asked) is None
    store.close()
