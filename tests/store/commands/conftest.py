"""A run whose student can be asked."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from store import commands
from store.database import Store
from store.run_config import RunConfig
from store.schema import cycles


@pytest.fixture
def run(store: Store) -> str:
    """A run with an adapter of cycle 1."""
    made = commands.launch_run(store, RunConfig(), "test")
    with store.write() as connection:
        connection.execute(insert(cycles).values(run=made, cycle=1, work="finished", adapter="cycle-01/adapter",
                                                 started_at="2026-01-01T00:00:00+00:00"))
    return made
