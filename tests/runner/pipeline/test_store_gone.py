"""A store whose server does not answer is no fault of a run: its worker stops, and the next one goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import fakes
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from runner.pipeline.recovery import EXIT_STORE_GONE, ErrorKind, classify_error
from runner.pipeline.worker import execute_claimed_run
from runner.service import worker_exits
from runner.service.launcher import WorkerExit
from store.costs.llm_calls import LLMCall, find_call, record_call
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import Claim, read_events
from store.events import RecoveryTaken, StageFailed
from store.paths import Paths
from tests.runner.same_run import launch, outcome, undisturbed
from tests.runner.watching import run_of

NOBODY = "postgresql+psycopg://tests@127.0.0.1:9/nothing"


def gone() -> OperationalError:
    """What the driver says of a server that is not there."""
    with pytest.raises(OperationalError) as raised, create_engine(NOBODY).connect():
        pass
    return raised.value


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "data", f"sqlite:///{tmp_path / 'data' / 'events.db'}")


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    opened = open_store(paths.store_url)
    yield opened
    opened.close()


def claimed(store: Store) -> Claim:
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    return claim


def test_a_server_that_is_gone_is_told_from_a_statement_that_is_refused(store: Store) -> None:
    assert classify_error(gone()) is ErrorKind.STORE_GONE
    with pytest.raises(OperationalError) as refused, store.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    assert classify_error(refused.value) is ErrorKind.UNEXPECTED


@pytest.mark.parametrize("where", ["answer", "likelihoods", "fine_tune"])
def test_a_stage_that_misses_the_store_does_not_fail_and_runs_again(store: Store, paths: Paths, where: str,
                                                                    tmp_path: Path) -> None:
    run, error = launch(store), gone()
    exits, left = worker_exits.WorkerExits(store), [error, error]

    def fail(at: str) -> None:
        if at == where and left:
            raise left.pop()

    for _ in range(2):
        claim = claimed(store)
        code = execute_claimed_run(claim, paths, partial(fakes.fake_resources, fail=fail))
        assert code == EXIT_STORE_GONE and run_of(store, run).work == "running"
        exits.handle(claim, WorkerExit(code))
        assert run_of(store, run).work == "queued" and exits.not_yet() == [run]
    assert execute_claimed_run(claimed(store), paths, fakes.fake_resources) == 0
    assert outcome(store, run) == undisturbed(tmp_path / "alone")
    told = [item.event for item in read_events(store, run)]
    assert not [event for event in told if isinstance(event, StageFailed)]
    assert [event.kind for event in told if isinstance(event, RecoveryTaken)] == ["store not available"]


def test_a_worker_without_a_store_never_fails_its_run(store: Store, paths: Paths) -> None:
    """More often than a worker may crash."""
    run, exits = launch(store), worker_exits.WorkerExits(store)
    for _ in range(6):
        claim = claimed(store)
        code = execute_claimed_run(claim, Paths(paths.data, NOBODY), fakes.fake_resources)
        assert code == EXIT_STORE_GONE
        exits.handle(claim, WorkerExit(code))
    assert run_of(store, run).work == "queued"
    assert [item.event.kind for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)] == [
        "store not available"]


def test_a_paid_reply_waits_for_the_store(store: Store) -> None:
    class Away(Store):
        def __init__(self) -> None:
            self.errors = [gone()] * 3

        @contextlib.contextmanager
        def write(self) -> Iterator[Connection]:
            if self.errors:
                raise self.errors.pop()
            with store.write() as connection:
                yield connection

    call = LLMCall("key", "run", "model", "reference", "a reply", 3, 5)
    assert record_call(Away(), call) == call and find_call(store, "key") == call
