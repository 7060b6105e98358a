"""Watching a run from outside, as a person would, until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable

from runner.service.supervisor import Supervisor
from store import queries
from store.database import Store

LIMIT_SECONDS = 900.0
"""Guards against hanging alone: on a busy machine everything takes many times as long as on an idle one."""


def until(done: Callable[[], object], meanwhile: Callable[[], object] = lambda: None,
          seconds: float = LIMIT_SECONDS) -> None:
    """Call `meanwhile` again and again until `done` is true; fails after the limit."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, f"not within {seconds:g} s"
        meanwhile()
        time.sleep(0.02)


def tick_until(supervisor: Supervisor, done: Callable[[], object]) -> None:
    """Let a supervisor work, and send its heartbeats as its own loop does, until `done` is true."""
    def work() -> None:
        supervisor.tick()
        supervisor.beat_when_due()

    until(done, work)


def run_of(store: Store, run: str) -> queries.Run:
    found = queries.find_run(store, run)
    assert found
    return found
