"""Several runners on one store: no run is executed twice, no device shared; a suspended owner cannot write."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import update

from runner.pipeline.worker import EXIT_LEASE_LOST
from store import commands, queries
from store.database import Store, integrity_faults, open_store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import RunFinished, RunStarted
from store.schema import claims
from tests.addresses import address_in
from tests.plain_runs import plain_run

ROOT = Path(__file__).resolve().parents[2]
RUNNER, WORKER = (ROOT / "tests" / "runner" / name for name in ("serve_on_demand.py", "worker_on_demand.py"))


def launch(store: Store, **more: object) -> str:
    small = {"topics": ("pods", "jobs"), "questions": 2, "held_out": 2, "steps": 2}
    return commands.launch_run(store, plain_run(**small | more), "test")  # type: ignore[arg-type]


def work_off(url: str, number: int, taken: multiprocessing.Queue[list[str]]) -> None:
    store, mine, empty_looks = open_store(url), [], 0
    while empty_looks < 3:
        claim = leases.claim_next(store, f"host-{number}:1:1")
        if claim is None:
            empty_looks += 1
            continue
        journal = Journal(store, claim)
        journal.append(RunStarted(claim.owner, claim.attempt, {}, ()))
        journal.append(RunFinished("no evidence", "", 1.0))
        leases.release(store, claim)
        mine.append(claim.run)
    taken.put(mine)


@pytest.mark.slow
def test_three_runners_take_each_of_three_hundred_runs_once(tmp_path: Path) -> None:
    url = address_in(tmp_path)
    store = open_store(url)
    runs = {launch(store) for _ in range(300)}
    context = multiprocessing.get_context("spawn")
    taken: multiprocessing.Queue[list[str]] = context.Queue()
    workers = [context.Process(target=work_off, args=(url, number, taken)) for number in range(3)]
    for worker in workers:
        worker.start()
    counted = Counter(run for _ in workers for run in taken.get(timeout=1700))
    assert set(counted) == runs and set(counted.values()) == {1}
    for run in runs:
        assert [item.kind for item in read_events(store, run)] == ["RunRequested", "RunStarted", "RunFinished"]
    assert not integrity_faults(store)


@pytest.mark.slow
def test_two_runners_of_one_machine_share_a_queue_and_work_one_after_the_other(tmp_path: Path) -> None:
    """Each has a data folder of its own, so that the lock of the folder does not keep them apart."""
    url = address_in(tmp_path)
    store = open_store(url)
    runs = [launch(store) for _ in range(6)]
    serving = [subprocess.Popen([sys.executable, str(RUNNER)], stdout=subprocess.DEVNULL,
                                env=os.environ | {"DATA_DIR": str(tmp_path / name), "STORE_URL": url})
               for name in ("one", "two")]
    try:
        until = time.monotonic() + 280
        while any(run.active for run in queries.all_runs(store)):
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        for process in serving:
            process.terminate()
        assert [process.wait(120) for process in serving] == [0, 0]
    spans, owners = [], set()
    for run in runs:
        events = read_events(store, run)
        (started,) = [item for item in events if isinstance(item.event, RunStarted)]
        (finished,) = [item for item in events if isinstance(item.event, RunFinished)]
        assert isinstance(started.event, RunStarted)
        spans.append((started.at, finished.at))
        owners.add(started.event.owner)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(sorted(spans)))
    assert len(owners) == 2  # both had their share


def test_a_stopped_worker_that_wakes_after_its_lease_writes_nothing(tmp_path: Path) -> None:
    store = open_store(address_in(tmp_path))
    run = launch(store, steps=10_000)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    environment = os.environ | {"DATA_DIR": str(tmp_path), "STORE_URL": store.url}
    sleeper = subprocess.Popen([sys.executable, str(WORKER), run, claim.owner, str(claim.fence), "1"], env=environment)
    try:
        until = time.monotonic() + 120
        while (queries.find_run(store, run) or pytest.fail()).stage != "fine-tune":
            assert time.monotonic() < until
            time.sleep(0.05)
        os.kill(sleeper.pid, signal.SIGSTOP)
        with store.write() as connection:
            connection.execute(update(claims).values(expires_at=time.time() - 1))
        assert (queries.find_run(store, run) or pytest.fail()).work == "lost"
        other = leases.claim_next(store, "another-host:1:1")
        assert other and other.fence == claim.fence + 1
        Journal(store, other).append(RunStarted(other.owner, other.attempt, {}, ()))
        head = len(read_events(store, run))
        files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / run).rglob("*.json")}
        os.kill(sleeper.pid, signal.SIGCONT)
        assert sleeper.wait(120) == EXIT_LEASE_LOST
    finally:
        sleeper.kill()
    assert len(read_events(store, run)) == head
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / run).rglob("*.json")} == files
