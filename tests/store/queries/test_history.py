"""The history: every run is found by what people type, in every order, page by page; lost ones by what they are now."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import update

from store import commands, queries, schema
from store.commands import ratings_and_tags
from store.database import Store
from store.event_log import leases
from store.queries import ORDERS, FilterOptions, HistoryFilter
from tests.dashboard.run_maker import lease_for
from tests.plain_runs import plain_run


def launched(store: Store, **changes: Any) -> str:
    return commands.launch_run(store, plain_run(**changes), "test")


def named(store: Store, **wanted: Any) -> list[str]:
    found = queries.found_runs(store, HistoryFilter(**wanted))
    assert queries.count_found(store, HistoryFilter(**wanted)) == len(found)
    return [run.name for run in found]


def over(store: Store, run: str, seconds: int, verdict: str) -> None:
    """As if it had been worked on for so long."""
    with store.write() as connection:
        connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(
            work="finished", verdict=verdict, started_at="2026-01-01T00:00:00.000000Z",
            ended_at=f"2026-01-01T00:00:{seconds:02d}.500000Z"))


def test_runs_are_found_by_each_thing_that_people_type(store: Store) -> None:
    first = launched(store, name="Größe 100%")
    launched(store, name="plain", teacher="gpt-4o-mini")
    launched(store, name="folder", knowledge="/docs/Handbuch", knowledge_name="Our product", topics=())
    ratings_and_tags.annotate(store, first, ("Übung", "paper"), "Said by Zoë", "ann")
    for words, found in (("größe", {"Größe 100%"}), ("GRÖSSE", set()), ("100%", {"Größe 100%"}), ("1_0", set()),
                         ("übung", {"Größe 100%"}), ("PAPER", {"Größe 100%"}), ("zoë", {"Größe 100%"}),
                         (first, {"Größe 100%"}), ("4O-mini", {"plain"}), ("handbuch", {"folder"}),
                         ("our PROD", {"folder"}), ("kubernetes v1", {"Größe 100%", "plain"}),
                         ("'; DROP TABLE runs; --", set()), ("", {"Größe 100%", "plain", "folder"})):
        assert set(named(store, words=words)) == found, words


def test_a_search_looks_through_what_is_shown_and_not_through_every_setting(store: Store) -> None:
    launched(store, name="one")  # its topics hold "pods"
    assert named(store, words="pods") == [] and named(store, words="embedded") == ["one"]


def test_every_order_holds_over_pages(store: Store) -> None:
    for name, seconds, verdict in (("b", 9, "improved"), ("C", 30, "regressed"), ("a", 20, "improved")):
        over(store, launched(store, name=name), seconds, verdict)
    launched(store)  # waits, without a name
    expected = {"newest": ["", "a", "C", "b"], "oldest": ["b", "C", "a", ""], "longest": ["C", "a", "b", ""],
                "shortest": ["b", "a", "C", ""], "name": ["a", "b", "C", ""], "verdict": ["a", "b", "C", ""]}
    assert set(expected) == set(ORDERS)
    for order, names in expected.items():
        assert named(store, order=order) == names, order
        pages = [queries.found_runs(store, HistoryFilter(order=order), 1, at) for at in range(5)]
        assert [run.name for page in pages for run in page] == names


def test_a_run_that_nobody_holds_is_found_as_lost_and_the_archive_is_apart(store: Store) -> None:
    lost, held, away = (launched(store, name=name) for name in ("lost", "held", "away"))
    over(store, away, 5, "improved")
    ratings_and_tags.archive(store, away, True, "ann")
    for run, seconds in ((lost, -60), (held, 60)):
        assert leases.claim_next(store, leases.owner_name(), run)
        with store.write() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(work="running"))
        lease_for(store, run, seconds)
    assert (named(store, work="lost"), named(store, work="running")) == (["lost"], ["held"])
    assert (named(store, archived=True), named(store, work="finished")) == (["away"], [])
    there = queries.filter_options(store)
    assert (set(there.works), there.verdicts, there.archived) == ({"lost", "running", "finished"}, ("improved",), 1)
    assert {run.work for run in queries.found_runs(store, HistoryFilter())} == {"lost", "running"}


def test_an_empty_store_has_nothing_to_choose_from(store: Store) -> None:
    assert queries.filter_options(store) == FilterOptions((), (), 0) and named(store) == []


@pytest.mark.slow
def test_a_page_of_ten_thousand_runs_is_read_in_little_time(store: Store) -> None:
    launched(store, name="first")
    with store.write() as connection:
        (row,) = connection.execute(schema.runs.select()).mappings()
        connection.execute(schema.runs.insert(), [
            {**row, "id": f"run-{n}", "name": f"many {n}", "requested_at": f"2025-01-01T00:00:00.{n:06d}Z"}
            for n in range(10_000)])
    began = time.process_time()
    page = queries.found_runs(store, HistoryFilter(words="many"), 100, 9_900)
    assert (len(page), queries.count_found(store, HistoryFilter(words="many"))) == (100, 10_000)
    assert time.process_time() - began < 2  # of this process alone: other processes may take the cores meanwhile


def test_a_folded_group_is_one_of_its_matching_runs(store: Store) -> None:
    launched(store, name="alone")
    configs = [plain_run(name=f"seed {seed}", training_seed=seed) for seed in (1, 2, 3)]
    runs = commands.launch_group(store, configs, "three", "test").runs
    commands.launch_group(store, [plain_run(name="other", held_out=20)], "one", "test")
    assert named(store, folded=True) == ["other", "seed 3", "alone"]
    commands.change_run_state(store, "cancel", runs[0])
    commands.change_run_state(store, "cancel", runs[1])
    assert named(store, folded=True, work="cancelled") == ["seed 2"]
    assert named(store, folded=True, words="SEED 1") == ["seed 1"]
    assert named(store, group="three", order="oldest") == ["seed 1", "seed 2", "seed 3"]
    assert set(named(store, words="three")) == {"seed 1", "seed 2", "seed 3"}
    sizes = queries.group_sizes(store)
    assert list(sizes) == ["one", "three"] and sizes["three"].works == {"cancelled": 2, "queued": 1}
