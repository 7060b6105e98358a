"""What people ask happens once; who may work on a run is one at a time."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

from store import commands, queries, schema
from store.database import Store, open_store
from store.event_log import heartbeats, leases
from store.event_log.journal import Claim, Journal
from store.events import RunFailed, RunFinished, RunStarted
from store.run_config import InvalidConfig, RunConfig
from tests.plain_runs import plain_run


def test_a_double_click_launches_once(store: Store) -> None:
    first = commands.launch_run(store, plain_run(), "dashboard", token="one intention")
    assert commands.launch_run(store, plain_run(), "dashboard", token="one intention") == first
    assert queries.count_of_runs(store) == 1


def test_a_bad_configuration_writes_nothing(store: Store) -> None:
    with pytest.raises(InvalidConfig):
        commands.launch_run(store, RunConfig(questions=0), "dashboard")
    assert queries.count_of_runs(store) == 0


def test_runs_are_claimed_by_priority_then_age(store: Store) -> None:
    old, new, urgent = (commands.launch_run(store, plain_run(), "test", priority=p) for p in (0, 0, 5))
    claimed = [leases.claim_next(store, f"host:{n}:1") for n in range(4)]
    assert [claim.run if claim else None for claim in claimed] == [urgent, old, new, None]


def test_a_run_whose_lease_is_over_shows_as_lost_and_can_be_taken(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    Journal(store, claim).append(RunStarted("host:1:1", 1, {}, ()))
    assert queries.find_run(store, run).work == "running"  # type: ignore[union-attr]
    with store.write() as connection:
        connection.execute(update(schema.claims).values(expires_at=time.time() - 1))
    assert queries.find_run(store, run).work == "lost"  # type: ignore[union-attr]
    taken = leases.claim_next(store, "host:2:1")
    assert taken and taken.fence == 2 and taken.attempt == 2


def test_a_run_whose_runner_misses_its_heartbeat_shows_as_lost_before_its_lease_is_over(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    owner = leases.owner_name()
    heartbeats.register_runner(store, owner)
    claim = leases.claim_next(store, owner)
    assert claim
    Journal(store, claim).append(RunStarted(owner, 1, {}, ()))
    assert queries.find_run(store, run).work == "running"  # type: ignore[union-attr]
    with store.write() as connection:
        connection.execute(update(schema.runners).values(next_beat_by=time.time() - 1))
    assert queries.find_run(store, run).work == "lost"  # type: ignore[union-attr]
    assert leases.claim_next(store, "host:2:1") is None, "the lease still protects it"


def test_two_runners_of_one_device_that_look_at_once_take_one_run(
        store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        commands.launch_run(store, RunConfig(), "test")
    taken, may_end, real = threading.Event(), threading.Event(), leases._claim

    def take(*given: Any) -> Claim:
        claim = real(*given)
        taken.set()
        may_end.wait(120)
        return claim

    monkeypatch.setattr(leases, "_claim", take)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(leases.claim_next, store, "host:1:1", None, True)
        assert taken.wait(120)
        second = pool.submit(leases.claim_next, store, "host:2:1", None, True)
        time.sleep(0.3)  # it looks while the first has not committed
        may_end.set()
        assert first.result(120) and second.result(120) is None


def test_claims_of_dead_owners_are_free_at_once(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    leases.claim_next(store, "host:1:1")
    assert leases.claim_next(store, "host:2:1") is None
    assert leases.release_dead_claims(store, lambda owner: owner == "host:1:1") == [run]
    assert leases.claim_next(store, "host:2:1")


def test_a_run_that_has_ended_is_never_queued_again_by_the_runner_that_stops(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    Journal(store, claim).append(RunStarted("host:1:1", 1, {}, ()), RunFinished("improved", "Improved.", 1.0))
    leases.release(store, claim, requeue_reason="the runner was stopped")
    assert queries.find_run(store, run).work == "finished"  # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "then"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_waiting_run_is_stopped_at_once_and_can_go_on(store: Store, kind: str, then: str) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    commands.change_run_state(store, kind, run)
    assert queries.find_run(store, run).work == then  # type: ignore[union-attr]
    assert leases.claim_next(store, "host:1:1") is None
    commands.change_run_state(store, "resume", run)
    assert queries.find_run(store, run).work == "queued"  # type: ignore[union-attr]


def test_a_command_that_makes_no_sense_is_refused_with_the_way_out(store: Store) -> None:
    with pytest.raises(commands.CommandRefused, match="no run 'nonsense'"):
        commands.change_run_state(store, "cancel", "nonsense")
    run = commands.launch_run(store, plain_run(), "test")
    with pytest.raises(commands.CommandRefused, match="queued: resume works on runs that are paused"):
        commands.change_run_state(store, "resume", run)


def test_a_failed_run_can_be_retried(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    Journal(store, claim).append(RunFailed("disk full", "no space", "free some"))
    leases.release(store, claim)
    failed = queries.find_run(store, run)
    assert failed and (failed.work, failed.error, failed.advice) == ("failed", "no space", "free some")
    commands.change_run_state(store, "retry", run)
    assert leases.claim_next(store, "host:1:2")


def _claim_many(url: str, name: str, found: multiprocessing.Queue[list[str]]) -> None:
    store = open_store(url)
    mine = []
    while claim := leases.claim_next(store, name):
        mine.append(claim.run)
    found.put(mine)


def test_three_processes_never_claim_the_same_run(store_url: str) -> None:
    url = store_url
    store = open_store(url)
    launched = {commands.launch_run(store, plain_run(), "test") for _ in range(60)}
    store.close()
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[list[str]] = context.Queue()
    claimers = [context.Process(target=_claim_many, args=(url, f"host:{n}:1", found)) for n in range(3)]
    for claimer in claimers:
        claimer.start()
    claimed = [run for _ in claimers for run in found.get(timeout=600)]
    for claimer in claimers:
        claimer.join()
    assert len(claimed) == len(set(claimed)) == 60 and set(claimed) == launched
