"""Complete runs with a real tiny student: real store, training and answers; fake teacher and judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fakes

from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run, memory_plan_event
from runner.protocols import StudentInfo
from runner.student import open_student
from store import commands
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import Event
from store.paths import Paths
from store.run_config import RunConfig
from tests.plain_runs import plain_run

STEPS = 6


def tiny_resources(config: RunConfig, run: str, store: Store, paths: Paths, journal: Any) -> RunResources:
    """Fakes for teacher and judge, the real student."""
    resources = fakes.fake_resources(config, run, store, paths, journal)

    def record_plan(info: StudentInfo) -> None:
        resources.plan_index = info.plan_index
        journal.append(memory_plan_event(info))

    resources.open_student = lambda index: open_student(config, paths.models, index, record_plan)
    return resources


def launched(tmp_path: Path, tiny: Path, **changes: Any) -> tuple[Store, str, Paths]:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    small = {"precision": "fp32", "topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6,
             "steps": STEPS, "max_new_tokens": 4, "batch_size": 2}
    config = plain_run(student=str(tiny), **(small | changes))
    return store, commands.launch_run(store, config, "test"), paths


def carried_out(store: Store, run: str, paths: Paths, **real: Any) -> list[Event]:
    """Carry a run out; `real` resources stand in for the fakes."""
    def resources(*given: Any) -> RunResources:
        found = tiny_resources(*given)
        for name, value in real.items():
            setattr(found, name, value)
        return found

    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, resources) == 0
    return [item.event for item in read_events(store, run)]
