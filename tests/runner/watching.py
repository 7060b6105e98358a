"""Watching a run from outside, as a person would, until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable

from runner.service.supervisor import Supervisor
from store import queries
from store.database import Store


def until(done: Callable[[], object], meanwhile: Callable[[], object] = lambda: None, seconds: float = 60) -> float:
    """Do something again and again until it is done; returns the seconds that it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, "not within the time"
        meanwhile()
        time.sleep(0.02)
    return time.monotonic() - began


def tick_until(supervisor: Supervisor, done: Callable[[], object], seconds: float = 60) -> float:
    """Let a supervisor work until it is done."""
    return until(done, supervisor.tick, seconds)


def run_of(store: Store, run: str) -> queries.Run:
    found = queries.find_run(store, run)
    assert found
    return found
