"""On a server, a process that is suspended in the middle of a write does not keep its run from the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from runner.pipeline.recovery import ErrorKind, classify_error
from store import commands, schema
from store.database import Store, open_store, postgresql
from store.database.prepared_statements import insert_rows
from store.event_log import leases
from store.event_log.journal import Claim, Journal, LeaseLost
from store.events import MetricLogged
from tests.plain_runs import plain_run
from tests.store.postgres_server import database
from tests.runner.watching import until

pytestmark = pytest.mark.slow
WORKER, OTHER = "host-a:1:1", "host-b:1:1"


@pytest.fixture
def store_url(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(postgresql, "IDLE_SECONDS", 1)
    with database(postgres) as address:
        yield address


@pytest.fixture
def other(store_url: str) -> Iterator[Any]:
    opened = open_store(store_url)
    yield opened
    opened.close()


def expired_claim(store: Store) -> Claim:
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, WORKER)
    assert claim and claim.run == run
    with store.write() as connection:
        connection.execute(update(schema.claims).values(expires_at=time.time() - 1))
    return claim


def test_a_run_locked_by_a_suspended_process_is_taken_over_and_that_one_writes_no_more(store: Store,
                                                                                       other: Store) -> None:
    claim = expired_claim(store)
    with pytest.raises(OperationalError), store.write() as connection:  # as a process between two statements
        connection.execute(select(schema.claims).where(schema.claims.c.run == claim.run).with_for_update())
        assert leases.claim_next(other, OTHER) is None
        until(lambda: leases.claim_next(other, OTHER) is not None)
        connection.execute(select(schema.claims))
    with pytest.raises(LeaseLost):
        Journal(store, claim).append(MetricLogged("loss", 1, 0.5))


def test_a_statement_sent_to_the_driver_meets_the_same_error_and_the_next_write_goes_on(store: Store) -> None:
    with pytest.raises(OperationalError) as ended, store.write() as connection:
        connection.execute(select(schema.claims))
        time.sleep(1.5)
        insert_rows(connection, schema.schema_version, [(1_000, "then")])
    assert classify_error(ended.value) is ErrorKind.STORE_GONE
    assert commands.launch_run(store, plain_run(), "test")
