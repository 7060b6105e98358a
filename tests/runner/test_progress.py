"""The terminal's line says stage, items done, loss and the time left, and fits into 80 columns."""

from __future__ import annotations

import re
from pathlib import Path

from runner.progress import line_of
from store import commands, leases, queries
from store.config import preset
from store.database import open_store
from store.events import CycleStarted, RunStarted, StageProgressed, StageStarted
from store.journal import Journal


def test_the_line_says_where_the_run_is(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = commands.launch(store, preset("embedded", cycles=10), "test")

    def line() -> str:
        found = queries.run_named(store, run)
        assert found
        return line_of(store, found)

    assert "waiting for a runner" in line()
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    journal = Journal(store, claim)
    journal.append(RunStarted("host:1:1", 1, {}, ()), CycleStarted(), cycle=10)
    journal.append(StageStarted("trainer"), cycle=10, stage="fine-tune")
    assert "fine-tune" in line()
    journal.append(StageProgressed(100, 1000, "steps", "loss 3.141"), cycle=10, stage="fine-tune")
    assert re.fullmatch(r"  cycle 10/10 \| fine-tune \| 100 of 1000 steps \| loss 3\.141"
                        r"( \| \d+ (s|min) left in stage)?", line())
    assert len(line()) <= 80
