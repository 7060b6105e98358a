"""Claims on LLM calls, on both databases: one run makes a call that several need."""

from __future__ import annotations

from store import commands
from store.costs.call_claims import claim_call, release_call
from store.database import Store
from store.event_log import leases
from tests.plain_runs import plain_run


def executed_run(store: Store) -> leases.Claim:
    """A run with a valid lease."""
    commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    return claim


def test_a_call_that_a_running_run_makes_is_not_made_by_another(store: Store) -> None:
    first, second = executed_run(store), executed_run(store)
    assert claim_call(store, "key", first.run) and claim_call(store, "key", first.run)
    assert not claim_call(store, "key", second.run)
    assert claim_call(store, "another key", second.run)


def test_a_call_is_free_when_it_is_released_and_when_its_run_has_no_lease_any_more(store: Store) -> None:
    first, second = executed_run(store), executed_run(store)
    assert claim_call(store, "key", first.run)
    release_call(store, "key", second.run)  # it is not its own
    assert not claim_call(store, "key", second.run)
    release_call(store, "key", first.run)
    assert claim_call(store, "key", second.run)
    leases.release(store, second)
    assert claim_call(store, "key", first.run)
