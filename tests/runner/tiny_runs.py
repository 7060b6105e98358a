"""Whole runs with a real tiny student: real store, real training, real answers; fakes for teacher and judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fakes

from runner.student import open_student
from runner.workbench import Workbench
from runner.worker import plan_of, work
from store import commands, leases
from store.config import RunConfig, preset
from store.database import Store, open_store
from store.events import Event
from store.journal import read_events
from store.locations import Locations

STEPS = 6


def tiny_bench(config: RunConfig, run: str, store: Store, places: Locations, journal: Any) -> Workbench:
    """Fakes for teacher and judge, the real student."""
    bench = fakes.fake_bench(config, run, store, places, journal)

    def tell_plan(info: Any) -> None:
        bench.rung = info.rung
        journal.append(plan_of(info))

    bench.open_student = lambda rung: open_student(config, places.models, rung, tell_plan)
    return bench


def launched(tmp_path: Path, tiny: Path, **changes: Any) -> tuple[Store, str, Locations]:
    places = Locations(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(places.store_url)
    small = {"precision": "fp32", "topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6,
             "steps": STEPS, "max_new_tokens": 4, "batch_size": 2}
    config = preset("embedded", student=str(tiny), **(small | changes))
    return store, commands.launch(store, config, "test"), places


def carried_out(store: Store, run: str, places: Locations) -> list[Event]:
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, places, tiny_bench) == 0
    return [item.event for item in read_events(store, run)]
