"""What the pages Live and History show of a run that waits for a batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from store import commands
from store.database import open_store
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import BatchedCall, BatchPlanned, BatchProgressed, BatchSent, RunStarted, RunWaitingForBatch
from store.presets import preset
from tests.addresses import address_in
from tests.dashboard.conftest import words_of

UNTIL = "2030-01-02T03:04:00.000000Z"


def waiting(folder: Path) -> str:
    store = open_store(address_in(folder))
    run = commands.launch_run(store, preset("embedded", teacher="gpt-4o-mini", teacher_batch=True), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    calls = tuple(BatchedCall(str(number), "reference", "") for number in range(7))
    Journal(store, claim).append(
        RunStarted(claim.owner, 1, {}, ()),
        BatchPlanned("b", "teacher", "gpt-4o-mini", "https://x/v1", "batches/b", "0", calls, 0.01),
        BatchSent("b", "batch_9", UNTIL), BatchProgressed("b", "in_progress", 3, 1, 7, UNTIL),
        RunWaitingForBatch("b", 7, UNTIL))
    leases.release(store, claim)
    store.close()
    return run


def test_live_and_history_show_how_far_the_batch_is_and_until_when(opened: Callable[..., AppTest],
                                                                   tmp_path: Path) -> None:
    run = waiting(tmp_path)
    live = opened(tmp_path, "live", run=run)
    assert not live.exception
    said = words_of(live)
    assert "Waiting for a batch" in said and "3 completed, 1 failed" in said and "2030-01-02 03:04" in said
    history = opened(tmp_path, "history")
    assert not history.exception
    assert "4 of 7" in history.dataframe[0].value.to_string()
