"""Numbers of the events of all streams: one order that never changes, in which no event is missing or twice."""

from __future__ import annotations

import threading

import pytest

from store import commands
from store.database import Store
from store.event_log.event_numbers import (
    MOST_SCANNED, EventPage, UnknownEventNumber, number_new_events, numbered_events,
)
from store.event_log.journal import append_without_claim
from store.events import RunAnnotated
from store.projections.rebuild import rebuild
from tests.plain_runs import plain_run


def annotate(store: Store, run: str, count: int) -> None:
    with store.write() as connection:
        append_without_claim(connection, run, *(RunAnnotated((str(number),), "", "test") for number in range(count)))


def streams(page: EventPage) -> list[tuple[int, str, int]]:
    return [(event.id, event.run, event.seq) for event in page.events]


def test_events_of_all_runs_are_read_in_one_order_from_any_number(store: Store) -> None:
    assert number_new_events(store) == 0
    first = commands.launch_run(store, plain_run(), "test")
    assert number_new_events(store) == 1
    second = commands.launch_run(store, plain_run(), "test")
    annotate(store, first, 2)
    assert number_new_events(store) == 4 == number_new_events(store)
    everything = numbered_events(store, 0, 10)
    assert [event.id for event in everything.events] == [1, 2, 3, 4] and everything.next == everything.newest == 4
    assert {(event.run, event.seq) for event in everything.events} == {(first, 1), (first, 2), (first, 3), (second, 1)}
    paged: list[tuple[int, str, int]] = []
    after = 0
    while (page := numbered_events(store, after, 1)).events:
        paged += streams(page)
        after = page.next
    assert paged == streams(everything)
    assert everything.events[0].payload["requested_by"] == "test"


def test_a_page_may_be_of_one_run_or_some_kinds(store: Store) -> None:
    first, second = (commands.launch_run(store, plain_run(), "test") for _ in range(2))
    annotate(store, second, 3)
    number_new_events(store)
    assert [event.kind for event in numbered_events(store, 0, 10, run=first).events] == ["RunRequested"]
    page = numbered_events(store, 0, 2, kinds=("RunAnnotated",))
    assert [event.run for event in page.events] == [second, second] and page.next < page.newest
    assert numbered_events(store, page.newest, 10, kinds=("RunFinished",)).next == page.newest


def test_a_number_of_another_store_is_refused_and_says_the_newest(store: Store) -> None:
    commands.launch_run(store, plain_run(), "test")
    number_new_events(store)
    with pytest.raises(UnknownEventNumber, match="event 7 is not of this store, whose newest event is 1"):
        numbered_events(store, 7, 10)


def test_numbers_stay_when_the_read_models_are_rebuilt(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    annotate(store, run, 5)
    number_new_events(store)
    before = streams(numbered_events(store, 0, MOST_SCANNED))
    with store.write() as connection:
        rebuild(connection)
    assert number_new_events(store) == 6 and streams(numbered_events(store, 0, MOST_SCANNED)) == before


def test_readers_and_writers_at_once_miss_nothing_and_number_nothing_twice(store: Store) -> None:
    runs = [commands.launch_run(store, plain_run(), "test") for _ in range(2)]
    writers = [threading.Thread(target=lambda run=run: [annotate(store, run, 1) for _ in range(20)]) for run in runs]
    numberers = [threading.Thread(target=lambda: [number_new_events(store) for _ in range(20)]) for _ in range(2)]
    for thread in (*writers, *numberers):
        thread.start()
    seen: list[tuple[int, str, int]] = []
    while any(thread.is_alive() for thread in writers):
        seen += streams(numbered_events(store, len(seen), 7))
    for thread in (*writers, *numberers):
        thread.join()
    number_new_events(store)
    while (page := numbered_events(store, len(seen), 7)).events:
        seen += streams(page)
    assert [row[0] for row in seen] == list(range(1, 43))
    assert sorted(row[1:] for row in seen) == sorted((run, seq) for run in runs for seq in range(1, 22))
    for run in runs:
        assert [seq for _, of_run, seq in seen if of_run == run] == list(range(1, 22))
