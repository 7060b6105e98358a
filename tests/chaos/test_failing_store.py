"""Runs on a store that fails at about every third call: each ends once, and nothing is lost or duplicated."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from store import commands, queries
from store.database import open_store
from store.event_log import journal, leases
from store.event_log.journal import Journal, read_events
from store.events import MetricLogged, RunStarted
from tests.chaos.failing_store import KINDS, Failing, run
from tests.plain_runs import plain_run


@pytest.mark.parametrize("trials", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_every_run_on_a_store_that_fails_ends_once(tmp_path: Path, trials: int) -> None:
    tally = run(trials, seed=11, folder=tmp_path, rate=0.3)
    assert tally.failures == []
    assert tally.trials == trials and set(tally.faults) == set(KINDS)


def test_what_the_store_took_without_saying_so_is_not_written_again(tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine writes in ten fail in one way or another, and every number is there exactly once."""
    monkeypatch.setattr(journal, "RETRY_DEADLINE_SECONDS", 60.0)
    monkeypatch.setattr("store.event_log.journal.time.sleep", lambda seconds: None)
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    told = Journal(Failing(store, random.Random(5), 0.9, Counter()), claim)
    told.append(RunStarted("test", 1, {}, ()))
    for step in range(60):
        (told.append_buffered if step % 3 else told.append)(MetricLogged("loss", step, 1.0))
    told.append()
    steps = [item.event.step for item in read_events(store, claim.run) if isinstance(item.event, MetricLogged)]
    assert steps == list(range(60))
    assert len(queries.series(store, claim.run, "loss")) == 60
    store.close()
