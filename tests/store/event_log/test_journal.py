"""Events are written whole, in order, only by the holder of the claim; read models can be rebuilt from them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text, update

from store import commands, queries, schema
from store.database import Store, integrity_faults, open_store
from store.event_log import leases
from store.event_log.event_rows import write_entries
from store.event_log.journal import Journal, LeaseLost, StopRequested, head_of, read_events
from store.events import (
    AnswerRecord, AnswersGiven, CycleStarted, Event, MetricLogged, RunFinished, RunRequested, RunStarted, StageFinished,
    StageProgressed, StageStarted, UnfitEvent, from_json, to_json,
)
from store.projections.rebuild import rebuild
from tests.plain_runs import plain_run


def started(store: Store) -> Journal:
    commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    return Journal(store, claim)


def tell_a_run(journal: Journal) -> None:
    journal.append(RunStarted(journal.claim.owner, 1, {"python": "3.11"}, ()))
    journal.append(CycleStarted(), cycle=1)
    journal.append(StageStarted("student"), cycle=1, stage="baseline")
    journal.append(AnswersGiven("baseline", (AnswerRecord("q1", "text", None, 3, 0.5, False),
                                             AnswerRecord("q2", None, "empty", 0, 0.1, False))),
                   StageFinished(1.5, "cycle-01/baseline.json", 10, "aa", "bb"), cycle=1, stage="baseline")
    for step in range(5):
        journal.append_buffered(MetricLogged("loss", step, 1.0 / (step + 1)), cycle=1, stage="fine-tune")
    journal.append(RunFinished("improved", "Improved.", 2.0))


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as connection:
        return {table.name: sorted(tuple(row) for row in connection.execute(select(table)))
                for table in schema.READ_MODELS}


def test_read_models_equal_a_rebuild_from_the_events(store: Store) -> None:
    tell_a_run(started(store))
    before = dump(store)
    with store.write() as connection:
        assert rebuild(connection) == 12
    assert dump(store) == before
    assert before["runs"] and before["answers"] and before["metrics"]


def test_sequence_has_no_gap_and_keeps_the_order_of_emit_and_append(store: Store) -> None:
    journal = started(store)
    tell_a_run(journal)
    recorded = read_events(store, journal.claim.run)
    assert [item.seq for item in recorded] == list(range(1, 13))
    assert isinstance(recorded[0].event, RunRequested) and isinstance(recorded[-1].event, RunFinished)
    assert head_of(store, journal.claim.run) == 12


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_nobody_measured_is_refused_and_nothing_is_written(store: Store, value: float) -> None:
    journal = started(store)
    with pytest.raises(UnfitEvent, match="MetricLogged"):
        journal.append(CycleStarted(), MetricLogged("loss", 1, value), cycle=1)
    assert len(read_events(store, journal.claim.run)) == 1


@pytest.mark.parametrize("value", [None, 0.1, 1e300, -0.0])
@pytest.mark.parametrize("name", ["null and NaN in words", 'a "quoted" \\ line\n', "Ünïcode ☃ 𝄞"])
def test_an_event_comes_back_from_json_as_it_was(name: str, value: float | None) -> None:
    told = MetricLogged(name, 1, value)
    assert from_json("MetricLogged", to_json(told)) == told


@pytest.mark.parametrize("value", [{1, 2}, Path("/"), b"bytes", datetime.now(UTC), object(), "half a pair \ud800"])
def test_what_is_no_json_value_is_refused(value: object) -> None:
    with pytest.raises(UnfitEvent, match="RunStarted"):
        to_json(RunStarted("host:1:1", 1, {"python": value}, ()))  # type: ignore[dict-item]


def test_a_past_claim_cannot_write(store: Store) -> None:
    journal = started(store)
    with store.write() as connection:
        connection.execute(update(schema.claims).values(expires_at=time.time() - 1))
    later = leases.claim_next(store, "other:1:1")
    assert later and later.fence == journal.claim.fence + 1
    with pytest.raises(LeaseLost):
        journal.append(CycleStarted(), cycle=1)
    with pytest.raises(LeaseLost):
        journal.flush()
    assert not leases.renew(store, journal.claim)
    Journal(store, later).append(CycleStarted(), cycle=1)


def test_threads_that_append_at_once_share_commits_and_keep_their_own_order(store: Store,
                                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.event_log.journal.GROUP_COMMIT_WAIT_SECONDS", 1.0)
    commits = []

    def slowly(*given: Any) -> None:
        commits.append(given)
        time.sleep(0.01)  # as a disk that takes its time: the others come meanwhile
        write_entries(*given)

    monkeypatch.setattr("store.event_log.journal.write_entries", slowly)
    journal = started(store)

    together = threading.Barrier(8)

    def produce(name: str) -> None:
        together.wait(120)
        for step in range(20):
            journal.append(MetricLogged(name, step, 1.0))

    threads = [threading.Thread(target=produce, args=(f"series {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = read_events(store, journal.claim.run)[1:]
    assert [item.seq for item in told] == list(range(2, 162))
    steps: dict[str, list[int]] = {}
    for item in told:
        assert isinstance(item.event, MetricLogged)
        steps.setdefault(item.event.key, []).append(item.event.step)
    assert len(steps) == 8 and all(found == list(range(20)) for found in steps.values())
    assert len(commits) < 60  # of 160 events


def test_who_is_interrupted_while_waiting_for_anothers_commit_holds_nobody_up(store: Store) -> None:
    """As by Ctrl-C. What was told is written all the same, with the next commit."""
    journal = started(store)
    held, let_go = threading.Event(), threading.Event()

    def hold_the_claim() -> None:
        with store.write() as connection:
            connection.execute(update(schema.claims).values(stop_requested=None))
            held.set()
            let_go.wait(120)

    def until_it_appends(thread: threading.Thread) -> None:
        def running() -> Iterator[str]:
            frame = sys._current_frames().get(thread.ident or 0)
            while frame:
                yield frame.f_code.co_name
                frame = frame.f_back

        while Journal.append.__name__ not in running():
            time.sleep(0.01)
        time.sleep(0.1)  # and has come to where it waits

    def interrupt_once_it_appends(thread: threading.Thread) -> None:
        until_it_appends(thread)
        os.kill(os.getpid(), signal.SIGUSR1)

    def interrupt(*_: object) -> None:
        raise InterruptedError("by hand")

    holder = threading.Thread(target=hold_the_claim)
    leader = threading.Thread(target=journal.append, args=(MetricLogged("first", 1, 1.0),))
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        holder.start()
        held.wait(120)
        leader.start()  # waits for the claim, and this thread then for its commit
        until_it_appends(leader)
        threading.Thread(target=interrupt_once_it_appends, args=(threading.main_thread(),)).start()
        with pytest.raises(InterruptedError, match="by hand"):
            journal.append(MetricLogged("second", 1, 1.0))
    finally:
        signal.signal(signal.SIGUSR1, before)
        let_go.set()
    holder.join(120)
    leader.join(120)
    journal.append(MetricLogged("third", 1, 1.0))
    kept = [item.event.key for item in read_events(store, journal.claim.run) if isinstance(item.event, MetricLogged)]
    assert sorted(kept) == ["first", "second", "third"]


def test_of_a_series_told_at_once_the_run_shows_the_last_and_keeps_every_number(store: Store) -> None:
    journal = started(store)
    journal.append(RunStarted(journal.claim.owner, 1, {}, ()), StageProgressed(9, 9, "items", "before the stage"),
                   StageStarted("trainer"), StageProgressed(1, 3, "steps", "one"), MetricLogged("loss", 1, 2.0),
                   StageProgressed(2, 3, "steps", "two"), MetricLogged("loss", 1, 1.5), MetricLogged("loss", 2, 1.0),
                   cycle=1, stage="fine-tune")
    shown = dump(store)
    with store.read() as connection:
        run = connection.execute(select(schema.runs)).one()
        numbers = connection.execute(select(schema.metrics.c.step, schema.metrics.c.value)).all()
    assert (run.done, run.total, run.detail) == (2, 3, "two")
    assert sorted(map(tuple, numbers)) == [(1, 1.5), (2, 1.0)]
    with store.write() as connection:
        rebuild(connection)
    assert dump(store) == shown
    journal.append(StageProgressed(3, 3, "steps", "three"), StageStarted("judge"), cycle=1, stage="tuned-evaluation")
    with store.read() as connection:
        assert connection.execute(select(schema.runs.c.done)).scalar_one() is None


def test_of_stages_at_the_same_time_the_run_shows_the_one_that_started_last_until_it_has_finished(store: Store) -> None:
    journal = started(store)
    journal.append(RunStarted(journal.claim.owner, 1, {}, ()))
    finished = StageFinished(1.0, "x.json", 1, "a", "b", False)

    def shown(*events: Event, stage: str) -> tuple[str, int | None]:
        journal.append(*events, cycle=1, stage=stage)
        with store.read() as connection:
            run = connection.execute(select(schema.runs)).one()
        return run.stage, run.done
    assert shown(StageStarted("judge"), StageProgressed(1, 9, "scores", ""), stage="scores") == ("scores", 1)
    assert shown(StageStarted("trainer"), stage="fine-tune") == ("fine-tune", None)
    assert shown(StageProgressed(2, 9, "scores", ""), stage="scores") == ("fine-tune", None)
    assert shown(StageProgressed(5, 8, "steps", ""), stage="fine-tune") == ("fine-tune", 5)
    assert shown(StageProgressed(3, 9, "scores", ""), stage="scores") == ("fine-tune", 5)
    assert shown(finished, stage="fine-tune") == ("scores", None)
    assert shown(StageProgressed(4, 9, "scores", ""), stage="scores") == ("scores", 4)
    before = dump(store)
    with store.write() as connection:
        rebuild(connection)
    assert dump(store) == before
    assert shown(finished, stage="scores") == ("scores", 4)  # until the next stage starts


def test_a_stop_request_reaches_the_worker_with_its_next_number(store: Store) -> None:
    journal = started(store)
    journal.append(RunStarted(journal.claim.owner, 1, {}, ()))
    commands.change_run_state(store, "cancel", journal.claim.run)
    journal.flush()
    with pytest.raises(StopRequested) as stop:
        journal.append_buffered(MetricLogged("loss", 1, 1.0))
    assert stop.value.how == "cancel"


def test_a_process_killed_while_appending_leaves_whole_events_only(store_url: str) -> None:
    """A real kill -9 in the middle of a stream of appends: all acknowledged events are there, none in part."""
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
from store import commands, events
from store.event_log import journal, leases
from store.database import open_store
from store.presets import preset
store = open_store({store_url!r})
commands.launch_run(store, preset("embedded"), "test")
j = journal.Journal(store, leases.claim_next(store, leases.owner_name()))
n = 0
while True:
    j.append(events.MetricLogged("loss", n, 1.0), events.MetricLogged("rate", n, 1.0))
    print(n, flush=True)
    n += 1
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        acknowledged = -1
        while acknowledged < 100:
            acknowledged = int(child.stdout.readline())
        child.kill()
        rest = child.stdout.read().split()
    acknowledged = int(rest[-1]) if rest else acknowledged
    store = open_store(store_url)
    run = queries.all_runs(store)[0].id
    seqs = [item.seq for item in read_events(store, run)]
    assert seqs == list(range(1, len(seqs) + 1))
    pairs = (len(seqs) - 1) / 2
    assert pairs in (acknowledged + 1, acknowledged + 2)
    assert not integrity_faults(store)


def test_write_engine_is_durable_and_readers_cannot_write(store: Store) -> None:
    with store.write() as connection:
        if store.is_sqlite:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    with store.read() as connection, pytest.raises(Exception, match="readonly|read-only|attempt to write"):
        connection.execute(schema.commands.insert().values(token="x", kind="y", at="z"))


def test_appends_prepare_no_statement_anew_in_the_process_that_made_the_store(tmp_path: Path) -> None:
    """A driver's full cache of statements drops what it took in last, and making the schema fills a small one."""
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    journal, prepared = started(store), []
    with store.write() as connection:
        driver: Any = connection.connection.dbapi_connection
        # Asked of each table and column when a statement is prepared; setting it has all prepared once more.
        driver.set_authorizer(lambda action, *_: prepared.append(action) or 0)
    for step in range(2):
        prepared.clear()
        journal.append(MetricLogged("loss", step, 0.5), StageProgressed(step, 9, "steps", ""), stage="fine-tune")
    store.close()
    assert prepared == []


@pytest.mark.parametrize(("on_a_server", "commits"), [(False, 25), (True, 5)])
def test_buffered_events_are_committed_less_often_on_a_server(store: Store, on_a_server: bool, commits: int,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds of ten events a second, with a heartbeat every half second: a thousand runs may share a server."""
    monkeypatch.setattr(Store, "is_sqlite", property(lambda _: not on_a_server))
    journal, writes, clock = started(store), [], [1000.0]
    monkeypatch.setattr("store.event_log.journal.time", SimpleNamespace(monotonic=lambda: clock[0]))
    write_once = journal._write_once
    monkeypatch.setattr(journal, "_write_once", lambda *given: (writes.append(clock[0]), write_once(*given)))
    for step in range(100):
        journal.append_buffered(MetricLogged("loss", step, 1.0))
        if step % 5 == 0:
            journal.flush_due()
        clock[0] += 0.1
    assert len(writes) == pytest.approx(commits, abs=commits * 0.3)
    journal.flush()
    assert len(queries.series(store, journal.claim.run, "loss")) == 100
