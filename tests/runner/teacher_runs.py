"""Whole runs with a real chat teacher at the fake endpoint, and fakes for the models."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import fakes

from runner.llm.retry import Clock
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.run_config import RunConfig
from tests.runner.fake_teachers import IMPATIENT


def bench(config: RunConfig, run: str, store: Store, *others: object) -> RunResources:
    """The real chat teacher, and fakes for the models."""
    teacher = open_llm_teacher(config, run, store, None, IMPATIENT, Clock(rng=random.Random(1)))
    return dataclasses.replace(fakes.fake_resources(config, run, store, *others),  # type: ignore[arg-type]
                               open_teacher=lambda: teacher)


def carry_out(store: Store, data: Path, config: RunConfig) -> queries.Run:
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), bench) == 0
    found = queries.find_run(store, run)
    assert found
    return found
