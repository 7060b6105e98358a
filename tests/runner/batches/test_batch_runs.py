"""Whole runs whose teacher and judge are asked in batches, at a server of our own that counts what is paid."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fakes
import numpy as np
import pytest

from runner.pipeline import worker
from runner.pipeline.batch_sender import LISTING_SECONDS
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import build_resources, execute_claimed_run
from runner.service.batch_poller import NEVER_SENT_SECONDS, BatchPoller
from store import commands, queries
from store.costs.llm_calls import run_usage
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import BatchEnded, BatchPlanned, BatchSent, FactsWritten, RunWaitingForBatch
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from tests.plain_runs import plain_run
from tests.runner.fake_batches import FakeBatches, Plan
from tests.runner.fake_judges import competent
from tests.runner.fake_openai import good_words

MAX_ROUNDS = 40


@pytest.fixture
def server() -> Iterator[FakeBatches]:
    with FakeBatches(lambda body: competent(body) if "judge texts" in str(body["messages"][0]) else good_words(body)
                     ) as fake:
        yield fake


@pytest.fixture(autouse=True)
def no_memory_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage's memory is measured after a garbage collection, which takes most of the time of these runs."""
    monkeypatch.setattr("runner.pipeline.worker.track_stage_memory", lambda: dict)


def config_at(server: FakeBatches, **changes: Any) -> RunConfig:
    settings: dict[str, Any] = {"teacher": "gpt-4o-mini", "teacher_base_url": server.url, "questions": 3, "held_out": 3,
                                "topics": ("pods", "services"), "steps": 2, "teacher_batch": True}
    return plain_run(**settings | changes)


def bench(config: RunConfig, run: str, store: Store, paths: Paths, journal: Journal) -> RunResources:
    """The worker's own teacher, judge model and batches; fakes for student and encoder."""
    real = build_resources(config, run, store, paths, journal)
    return dataclasses.replace(fakes.fake_resources(config, run, store, paths, journal), open_teacher=real.open_teacher,
                               open_llm_judge=real.open_llm_judge, batches=real.batches)


def work(store: Store, data: Path) -> None:
    """Let a worker take the run up once."""
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), bench) == 0


def carry_out(store: Store, data: Path, run: str) -> queries.Run:
    """Work and poll by turns until the run has ended."""
    poller = BatchPoller(store)
    for _ in range(MAX_ROUNDS):
        found = state(store, run)
        if found.work == "queued":
            work(store, data)
        elif found.work == queries.WAITING:
            poller.poll()
        else:
            return found
    raise AssertionError(f"{run} is still {found.work} after {MAX_ROUNDS} rounds")


def state(store: Store, run: str) -> queries.Run:
    found = queries.find_run(store, run)
    assert found
    return found


def events_of(store: Store, run: str, kind: type) -> list[Any]:
    return [item.event for item in read_events(store, run) if isinstance(item.event, kind)]


def test_a_run_in_batches_ends_as_one_without_and_costs_half(server: FakeBatches, store: Store,
                                                             tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, commands.launch_run(store, config_at(server, arms=("teacher",)), "test"))
    assert run.work == "finished", run.trace
    assert server.chat_calls == 0 and server.paid and set(server.paid.values()) == {1}
    pairs = queries.answers_of(store, run.id, 1)
    assert len(pairs) == 6 and all(pair.reference for pair in pairs)
    used = run_usage(store, run.id)
    assert used.calls == len(server.paid) and used.batch_prompt_tokens == used.prompt_tokens == 100 * used.calls
    cost = [point.value for point in queries.series(store, run.id, "teacher_cost_usd")]
    assert cost[-1] == pytest.approx(used.calls * (100 * 0.15 + 20 * 0.60) / 2 / 1e6)
    ended = events_of(store, run.id, BatchEnded)
    assert [one.recorded for one in ended] == [one.total for one in ended]
    assert sum(one.cost_usd for one in ended) == pytest.approx(cost[-1])
    purposes = [{call.purpose for call in one.calls} for one in events_of(store, run.id, BatchPlanned)]
    assert purposes == [{"questions"}, {"reference"}, {"closed book"}, {"questions"}, {"reference"}]


def test_facts_to_study_are_one_batch_and_what_was_missed_another(server: FakeBatches, store: Store,
                                                                  tmp_path: Path) -> None:
    config = config_at(server, study="teacher", passes=4.0, questions=4)
    run = carry_out(store, tmp_path, commands.launch_run(store, config, "test"))
    assert run.work == "finished", run.trace
    assert server.chat_calls == 0 and set(server.paid.values()) == {1}
    (written,) = events_of(store, run.id, FactsWritten)
    assert written.facts
    planned = [one.calls for one in events_of(store, run.id, BatchPlanned) if one.calls[0].purpose == "facts"]
    assert len(planned[0]) == 4 and {call.item.partition(" ")[2] for call in planned[0]} == {"first"}
    assert len(planned) <= 2 and all(call.item.endswith("missed") for calls in planned[1:] for call in calls)


def test_each_batch_is_on_record_before_it_is_uploaded_and_the_run_waits_without_a_claim(
        server: FakeBatches, store: Store, tmp_path: Path) -> None:
    run = commands.launch_run(store, config_at(server), "test")
    work(store, tmp_path)
    kinds = [item.kind for item in read_events(store, run)]
    assert kinds[-3:] == ["BatchPlanned", "BatchSent", "RunWaitingForBatch"]
    waiting = state(store, run)
    assert waiting.work == queries.WAITING and waiting.active
    assert leases.claim_next(store, leases.owner_name()) is None and not leases.is_busy(store, "any")
    batch = queries.open_batches(store, run)[0]
    assert batch.expires_at and batch.expires_at - datetime.now(UTC) > timedelta(hours=23)
    assert "until" in batch.sentence() and events_of(store, run, RunWaitingForBatch)[0].until
    BatchPoller(store).poll()
    assert queries.open_batches(store, run)[0].state == "in_progress"


def test_a_judge_model_is_asked_in_batches_of_all_its_metrics(server: FakeBatches, store: Store, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.judge.ragas_metrics.bundled_encoder", lambda: SimpleNamespace(
        name="all alike", encode=lambda texts: SimpleNamespace(vectors=np.ones((len(texts), 3), dtype=np.float32))))
    config = config_at(server, teacher="knowledge-base", teacher_base_url=None, judge="gpt-4o-mini",
                       judge_base_url=server.url, held_out=2, questions=1)
    run = carry_out(store, tmp_path, commands.launch_run(store, config, "test"))
    assert run.work == "finished", run.trace
    assert server.chat_calls == 0 and set(server.paid.values()) == {1}
    planned = [one for one in read_events(store, run.id) if isinstance(one.event, BatchPlanned)]
    rounds = {stage: sum(one.stage == stage for one in planned) for stage in {one.stage for one in planned}}
    assert max(rounds.values()) <= 2  # statements, then verdicts on them, whatever the number of metrics
    scored = [pair.scores["faithfulness"][0] for pair in queries.answers_of(store, run.id, 1)]
    assert any(value is not None for value in scored)
    used = run_usage(store, run.id, judging=True)
    assert used.calls == len(server.paid) == used.batch_prompt_tokens / 100


def test_what_an_expired_batch_has_done_is_stored_and_the_rest_is_asked_again(server: FakeBatches, store: Store,
                                                                             tmp_path: Path) -> None:
    server.plans += [Plan(), Plan("expired", lines=1)]
    run = carry_out(store, tmp_path, commands.launch_run(store, config_at(server), "test"))
    assert run.work == "finished" and set(server.paid.values()) == {1}
    ends = [(one.state, one.recorded, one.total) for one in events_of(store, run.id, BatchEnded)][1:3]
    assert ends == [("expired", 1, 3), ("completed", 2, 2)]


def test_a_call_that_fails_for_an_option_is_asked_again_without_it(server: FakeBatches, store: Store,
                                                                  tmp_path: Path) -> None:
    server.plans += [Plan(), Plan(refused={0: (400, "Unsupported parameter: 'seed'", "seed")})]
    run = carry_out(store, tmp_path, commands.launch_run(store, config_at(server), "test"))
    assert run.work == "finished", run.error
    second = events_of(store, run.id, BatchEnded)[1]
    assert second.failed == 1 and second.failures[0].message == "Unsupported parameter: 'seed'"
    seeds = ["seed" in body for body in server.bodies]
    assert not all(seeds) and set(server.paid.values()) == {1}


def test_a_call_that_the_model_refuses_is_missing_with_the_servers_words(server: FakeBatches, store: Store,
                                                                        tmp_path: Path) -> None:
    server.plans += [Plan(), Plan(refused={0: (400, "flagged by the content policy", "")})]
    server.plans += [Plan(refused={0: (400, "flagged by the content policy", "")})]  # the second attempt
    run = carry_out(store, tmp_path, commands.launch_run(store, config_at(server), "test"))
    assert run.work == "finished", run.error
    missing = [pair.reference_missing for pair in queries.answers_of(store, run.id, 1) if pair.reference is None]
    assert len(missing) == 1 and "flagged by the content policy" in (missing[0] or "")


def test_batches_that_never_bring_a_reply_end_the_run(server: FakeBatches, store: Store, tmp_path: Path) -> None:
    server.plans += [Plan("expired", lines=0)] * 9
    run = carry_out(store, tmp_path, commands.launch_run(store, config_at(server), "test"))
    assert run.work == "failed" and len(server.batches) == 3 and not server.paid
    assert "3 batches" in (run.error or "") and "brought no reply" in (run.error or "")
    server.plans.clear()
    commands.change_run_state(store, "retry", run.id)
    assert carry_out(store, tmp_path, run.id).work == "finished"


def test_a_rejected_file_pauses_the_run_with_the_servers_words(server: FakeBatches, store: Store,
                                                             tmp_path: Path) -> None:
    server.plans.append(Plan("failed"))
    run = carry_out(store, tmp_path, commands.launch_run(store, config_at(server), "test"))
    assert run.work == "paused" and "line 1: the file is not what was expected" in (run.error or "") and run.advice
    commands.change_run_state(store, "resume", run.id)
    assert carry_out(store, tmp_path, run.id).work == "finished"


def test_cancelling_a_run_cancels_its_batch_and_bills_what_was_done(server: FakeBatches, store: Store,
                                                                   tmp_path: Path) -> None:
    server.plans.append(Plan(lines=1, lookups=9))
    run = commands.launch_run(store, config_at(server), "test")
    work(store, tmp_path)
    commands.change_run_state(store, "cancel", run)
    poller = BatchPoller(store)
    poller.poll()
    assert state(store, run).work == "cancelled" and queries.open_batches(store, run)[0].state == "cancelling"
    poller.poll()
    ended = queries.batches_of(store, run)[0]
    assert ended.state == "cancelled" and ended.recorded == 1 and ended.cost_usd
    assert state(store, run).work == "cancelled"
    assert queries.teacher_usage(store, [run])[run].cost_usd == pytest.approx(ended.cost_usd)
    commands.change_run_state(store, "resume", run)
    assert carry_out(store, tmp_path, run).work == "finished" and set(server.paid.values()) == {1}


def test_pausing_leaves_the_batch_alone(server: FakeBatches, store: Store, tmp_path: Path) -> None:
    run = commands.launch_run(store, config_at(server), "test")
    work(store, tmp_path)
    commands.change_run_state(store, "pause", run)
    poller = BatchPoller(store)
    poller.poll()
    commands.change_run_state(store, "resume", run)
    work(store, tmp_path)  # the batch is still on its way
    assert state(store, run).work == queries.WAITING and len(server.batches) == 1
    assert carry_out(store, tmp_path, run).work == "finished" and set(server.paid.values()) == {1}


def test_a_stop_that_comes_while_the_worker_lets_go_is_obeyed(server: FakeBatches, store: Store,
                                                             tmp_path: Path) -> None:
    run = commands.launch_run(store, config_at(server), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    Journal(store, claim).append(RunWaitingForBatch("batch-1", 1, None))
    commands.change_run_state(store, "cancel", run)  # the claim is still held: a request
    leases.release(store, claim)
    assert state(store, run).work == "cancelled"


def test_a_batch_whose_creation_is_not_on_record_is_found_again_after_a_cancel(server: FakeBatches, store: Store,
                                                                             tmp_path: Path) -> None:
    """A kill between the creation and its record, then a person who cancels before any worker comes."""
    run = commands.launch_run(store, config_at(server), "test")
    work(store, tmp_path)
    planned = events_of(store, run, BatchPlanned)[0]
    other = commands.launch_run(store, config_at(server, name="other"), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and claim.run == other
    Journal(store, claim).append(planned)  # as if this run had planned it, and the server's answer was lost
    leases.release(store, claim)
    commands.change_run_state(store, "cancel", other)
    BatchPoller(store, only=other).poll()
    assert [one.server_id for one in events_of(store, other, BatchSent)] == ["batch_1"]


def test_a_planned_batch_that_the_server_does_not_have_was_never_sent(server: FakeBatches, store: Store) -> None:
    run = commands.launch_run(store, config_at(server), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    Journal(store, claim).append(
        BatchPlanned("batch-x", "teacher", "gpt-4o-mini", server.url, "batches/x", "0", (), 0.0))
    leases.release(store, claim)
    commands.change_run_state(store, "cancel", run)
    BatchPoller(store).poll()
    assert len(queries.open_batches(store, run)) == 1  # the server may be about to create it
    later = [datetime.now(UTC) + timedelta(seconds=NEVER_SENT_SECONDS + 1)]
    poller = BatchPoller(store, now=lambda: later[-1])
    poller.poll()
    assert len(queries.open_batches(store, run)) == 1  # it may be created, and not be listed yet
    later.append(later[-1] + timedelta(seconds=LISTING_SECONDS))
    poller.poll()
    assert queries.batches_of(store, run)[0].state == "never sent"


def test_a_batch_that_is_listed_late_is_found_and_not_created_again(server: FakeBatches, store: Store, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the creation and its record; the server lists the batch only at the second look."""
    server.plans.append(Plan(unlisted=1))
    run = commands.launch_run(store, config_at(server), "test")
    waited: list[float] = []
    killed_at: list[str] = []
    append = Journal.append

    def killed(journal: Journal, *events: Any, **details: Any) -> Any:
        if isinstance(events[0], BatchSent) and not killed_at:
            killed_at.append(events[0].batch)
            raise KeyboardInterrupt("the process ends here")
        return append(journal, *events, **details)

    monkeypatch.setattr(Journal, "append", killed)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    with pytest.raises(KeyboardInterrupt):
        execute_claimed_run(claim, Paths(tmp_path, store.url), bench)
    leases.release_dead_claims(store, lambda owner: True)
    monkeypatch.setattr(worker, "_sleep", lambda journal, seconds: waited.append(seconds))
    work(store, tmp_path)
    assert carry_out(store, tmp_path, run).work == "finished"
    assert waited == [LISTING_SECONDS] and set(server.paid.values()) == {1}
    ours = [batch.metadata["batch"] for batch in server.batches]
    assert len(ours) == len(set(ours))


def test_the_poller_looks_no_more_often_than_it_should(server: FakeBatches, store: Store, tmp_path: Path) -> None:
    run = commands.launch_run(store, config_at(server), "test")
    work(store, tmp_path)
    clock = iter([1000.0, 1029.5, 1030.5])
    poller = BatchPoller(store, only=run, clock=lambda: next(clock))
    poller.poll_when_due()
    poller.poll_when_due()
    assert server.batches[0].looked_up == 1
    poller.poll_when_due()
    assert state(store, run).work == "queued"


def test_a_rebuild_of_the_read_models_keeps_the_batches(server: FakeBatches, store: Store, tmp_path: Path) -> None:
    run = commands.launch_run(store, config_at(server), "test")
    work(store, tmp_path)
    BatchPoller(store).poll()
    before = queries.batches_of(store, run), state(store, run)
    with store.write() as connection:
        rebuild(connection)
    assert (queries.batches_of(store, run), state(store, run)) == before
    assert (tmp_path / "runs" / run / before[0][0].path).is_file()  # and so in a backup, which has the run's folder


def carry_out_together(store: Store, data: Path, runs: tuple[str, ...], poller: BatchPoller | None = None) -> None:
    """Work on all runs and poll by turns until all have ended."""
    poller = poller or BatchPoller(store)
    for _ in range(MAX_ROUNDS * len(runs)):
        works = {run: state(store, run).work for run in runs}
        if "queued" in works.values():
            work(store, data)
        elif queries.WAITING in works.values():
            poller.poll()
        else:
            assert set(works.values()) == {"finished"}, works
            return
    pytest.fail("it goes on and on")


def test_runs_that_ask_the_same_at_once_pay_for_each_call_in_one_batch(server: FakeBatches, store: Store,
                                                                       tmp_path: Path) -> None:
    first, second = (commands.launch_run(store, config_at(server, training_seed=seed), "test") for seed in (1, 2))
    work(store, tmp_path)
    work(store, tmp_path)
    assert state(store, first).work == state(store, second).work == queries.WAITING
    (batch,) = queries.open_batches(store)
    assert batch.run == first and queries.awaited_batch(store, second) == batch
    carry_out_together(store, tmp_path, (first, second))
    assert set(server.paid.values()) == {1}, "no call is paid twice"
    assert run_usage(store, second).calls == 0 and run_usage(store, first).calls == len(server.paid)
    questions = [{pair.question for pair in queries.answers_of(store, run, 0)} for run in (first, second)]
    assert questions[0] == questions[1] != set()


def test_a_run_whose_other_is_cancelled_sends_what_is_left_itself(server: FakeBatches, store: Store,
                                                                  tmp_path: Path) -> None:
    server.plans.append(Plan(lookups=99))
    first, second = (commands.launch_run(store, config_at(server, training_seed=seed), "test") for seed in (1, 2))
    work(store, tmp_path)
    work(store, tmp_path)
    commands.change_run_state(store, "cancel", first)
    assert carry_out(store, tmp_path, second).work == "finished"
    assert state(store, first).work == "cancelled" and set(server.paid.values()) == {1}
    calls = [run_usage(store, run).calls for run in (first, second)]
    assert sum(calls) == len(server.paid) and calls[1] > 0, "what the cancelled batch had done is used"


def test_a_run_in_the_foreground_looks_up_the_batch_of_another_run_that_it_waits_for(
        server: FakeBatches, store: Store, tmp_path: Path) -> None:
    first, second = (commands.launch_run(store, config_at(server, training_seed=seed), "test") for seed in (1, 2))
    work(store, tmp_path)
    work(store, tmp_path)
    poller = BatchPoller(store, only=second)
    poller.poll()
    poller.poll()
    assert state(store, second).work == "queued" and state(store, first).work == queries.WAITING
