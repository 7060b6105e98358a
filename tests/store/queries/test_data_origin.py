"""Who wrote a run's questions is counted by the database, and equals what reading every question says."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import events
from store.commands import review
from store.commands.review import Decision, Person
from store.dataset_items import REJECTED, origins_from
from store.event_log import event_rows
from store.projections import projector
from store.queries.data_origin import QuestionOrigins, question_origins
from store.queries.dataset_items import dataset_content, dataset_items
from tests.dashboard import stores
from tests.store.made_review import asked_run, waiting_run


def read_whole(store: stores.Store, run: str) -> QuestionOrigins:
    content = dataset_content(store, run)
    return QuestionOrigins(origins_from(content.review.items, content.drafts), content.review.versions)


@pytest.mark.parametrize("make", [
    lambda store: stores.finished(store, stores.long_ago(3), (0.1, 0.2), general=8, held_out=12),
    lambda store: stores.paid(store, stores.long_ago(3)),
    lambda store: stores.running(store, stores.long_ago(3))])
def test_origins_that_are_counted_are_those_that_are_read(tmp_path: Path, make: stores.Any,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.store_at(tmp_path)
    run = make(store)
    whole, decoded = read_whole(store, run), []

    def counted(row: stores.Any) -> events.Recorded:
        decoded.append(row.kind)
        return projector.recorded_from(row)
    monkeypatch.setattr(event_rows, "recorded_from", counted)
    assert question_origins(store, run).origins == whole.origins and len(whole.origins) >= 2
    assert set(decoded) <= {"QuestionsRejected"}, "no question was read"
    store.close()


def test_what_people_decided_and_what_was_written_twice_is_read(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    waiting, asked = waiting_run(store), asked_run(store)
    item = dataset_items(store, waiting)[0]
    review.decide(store, waiting, [Decision(item.question_id, REJECTED)], Person("ben"), "dull")
    review.decide(store, asked, [Decision(dataset_items(store, asked)[0].question_id, answer="9 bar.")], Person("ann"))
    for run in (waiting, asked):
        assert question_origins(store, run) == read_whole(store, run)
    assert any(one.dropped for one in question_origins(store, waiting).origins)
    assert 2 in question_origins(store, asked).versions.values()
    store.close()


def test_of_a_set_that_was_written_again_the_last_counts(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    run = stores.finished(store, stores.long_ago(3), (0.1,), held_out=12)
    (first, *_) = [one for one in event_rows.read_events(store, run) if isinstance(one.event, events.QuestionsAsked)
                   and one.stage == "questions"]
    assert isinstance(first.event, events.QuestionsAsked)
    again = events.QuestionsAsked("gpt-4o-mini", first.event.questions[:3], 3, "hash")
    with store.write() as connection:
        event_rows.append_without_claim(connection, run, again, cycle=first.cycle, stage=first.stage)
    origins = question_origins(store, run).origins
    assert origins == read_whole(store, run).origins
    assert [(one.writer, one.questions) for one in origins if one.part == "training"] == [("gpt-4o-mini", 3)]
    store.close()
