"""The outbox on both databases: noted with the event, handed out to one sender, given back after its lease."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from store import commands
from store.commands.webhooks import add_webhook, remove_webhook, send_again
from store.database import Store
from store.event_log.deliveries import (
    MOST_ATTEMPTS, next_delivery, note_lost_runs, record_delivered, record_failed_attempt,
)
from store.event_log.journal import append_without_claim
from store.events import RunFinished
from store.queries.operating_metrics import operating_metrics
from store.queries.webhooks import all_webhooks
from store.schema import claims, runs, webhook_outbox
from tests.plain_runs import plain_run


@pytest.fixture
def ended(store: Store) -> str:
    """A finished run, of which two webhooks are to be told."""
    for name in ("one", "two"):
        add_webhook(store, name, f"https://{name}.example/", ())
    run = commands.launch_run(store, plain_run(), "test")
    with store.write() as connection:
        append_without_claim(connection, run, RunFinished("improved", "By 0.2.", 1.0))
    return run


def test_each_delivery_is_handed_out_once_until_its_lease_ends(store: Store, ended: str) -> None:
    handed: list[str] = []

    def take() -> None:
        while (row := next_delivery(store)) is not None:
            handed.append(row.id)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(handed) == len(set(handed)) == 2
    with store.write() as connection:
        connection.execute(update(webhook_outbox).values(due_at=0.0))
    first = next_delivery(store)
    assert first is not None and (first.run, first.occasion, first.sentence) == (ended, "finished", "By 0.2.")
    record_delivered(store, first.id)
    second = next_delivery(store)
    assert second is not None and second.id != first.id and next_delivery(store) is None


def test_what_is_given_up_is_counted_and_sent_again_when_asked(store: Store, ended: str) -> None:
    with store.read() as connection:
        identity = connection.execute(select(webhook_outbox.c.id).where(webhook_outbox.c.webhook == "one")).scalar_one()
    for _ in range(MOST_ATTEMPTS):
        record_failed_attempt(store, identity, "answered with 500")
    assert [(hook.dead, hook.pending, hook.error) for hook in all_webhooks(store)] == [
        (1, 0, "answered with 500"), (0, 1, None)]
    assert send_again(store, "one") == 1 and all_webhooks(store)[0].pending == 1
    remove_webhook(store, "one")
    assert [hook.name for hook in all_webhooks(store)] == ["two"]


def test_a_lost_run_is_noted_once_and_counted_as_lost(store: Store, ended: str) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    with store.write() as connection:
        connection.execute(update(runs).where(runs.c.id == run).values(work="running"))
        connection.execute(update(claims).where(claims.c.run == run).values(owner="gone", expires_at=1.0, attempt=1))
    commands.launch_run(store, plain_run(), "test")
    for _ in range(2):
        note_lost_runs(store)
    with store.read() as connection:
        noted = connection.execute(select(webhook_outbox.c.run).where(webhook_outbox.c.occasion == "lost"))
        assert noted.scalars().all() == [run, run]  # one for each webhook
    found = operating_metrics(store)
    assert found.runs == {"finished": 1, "lost": 1, "queued": 1} and found.queue_age_seconds >= 0 and found.calls == []
