"""Watching a run from outside, as a person would, until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from runner.service.supervisor import Supervisor
from store import queries
from store.database import Store

LIMIT_SECONDS = 900.0
"""Guards against hanging alone: on a busy machine everything takes many times as long as on an idle one."""


def until(done: Callable[[], object], meanwhile: Callable[[], object] = lambda: None,
          seconds: float = LIMIT_SECONDS, every_seconds: float = 0.02) -> None:
    """Call `meanwhile` again and again until `done` is true; fails after the limit."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, f"not within {seconds:g} s"
        meanwhile()
        time.sleep(every_seconds)


until_seldom = partial(until, seconds=3 * LIMIT_SECONDS, every_seconds=0.5)
"""`until` for what takes long and is costly to look at, such as the processes of a cluster."""


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
