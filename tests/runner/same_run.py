"""Runs with a given id, and what must be equal however and wherever such a run was executed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import fakes

from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from store import commands
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import ArmsCompared, StageFinished, to_json
from store.paths import Paths
from tests.addresses import address_in
from tests.plain_runs import plain_run
from tests.runner.watching import run_of

TIMED_STAGES = ("comparison", "final-report")
"""Their checkpoints state how long the run took."""
_THEN = datetime(2026, 11, 30, tzinfo=UTC)


def launch(store: Store, number: int = 1, **changes: Any) -> str:
    """Queue a small run whose id depends on the number alone, because its checkpoints hold it."""
    small: dict[str, Any] = {"topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6, "steps": 4}
    with patch("store.commands.runs.secrets", SimpleNamespace(token_hex=lambda _: f"{number:08x}")), \
            patch("store.commands.runs.datetime", SimpleNamespace(now=lambda _: _THEN)):
        return commands.launch_run(store, plain_run(**small | changes), "test")


def outcome(store: Store, run: str) -> dict[Any, str]:
    """The hash of the checkpoint of every finished stage, and the verdict.

    Two checkpoints state how long the run took: their comparisons stand here instead.
    """
    found: dict[Any, str] = {}
    for item in read_events(store, run):
        if isinstance(item.event, StageFinished):
            content = item.event.sha256 if item.stage not in TIMED_STAGES else ""
            assert found.setdefault((item.cycle, item.stage), content) == content
        elif isinstance(item.event, ArmsCompared):
            found["changes", item.cycle] = to_json(item.event)
    return found | {"verdict": f"{run_of(store, run).verdict}: {run_of(store, run).sentence}"}


def undisturbed(folder: Path, number: int = 1, **changes: Any) -> dict[Any, str]:
    """The outcome of the same run in this process, with a store and a data folder of its own."""
    with executed_alone(folder, number, **changes) as (store, run):
        return outcome(store, run)


@contextlib.contextmanager
def executed_alone(folder: Path, number: int = 1, resources: Callable[..., RunResources] = fakes.fake_resources,
                   **changes: Any) -> Iterator[tuple[Store, str]]:
    """The same run, executed in this process, with a store and a data folder of its own."""
    store = open_store(address_in(folder))
    run = launch(store, number, **changes)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), resources) == 0
    assert run_of(store, run).work == "finished", run_of(store, run)
    yield store, run
    store.close()
