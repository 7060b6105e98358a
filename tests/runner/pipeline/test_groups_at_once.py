"""Two processes that execute two runs of a group at the same time pay each call of the teacher once."""

from __future__ import annotations

import dataclasses
import multiprocessing
import multiprocessing.synchronize
from pathlib import Path

import pytest

from runner.llm.chat import ChatRequest, Completion
from runner.llm.response_cache import CachedChat
from runner.pipeline import held_out_sets
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from store import commands, queries
from store.costs.call_claims import claim_call, release_call
from store.database import Store, open_store
from store.event_log import leases
from store.events import KnowledgeRead
from store.paths import Paths
from store.run_config import RunConfig
from tests.addresses import address_in
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.fake_teachers import IMPATIENT, KEY, REQUEST
from tests.runner.group_runs import plan, seeded_resources


def paid(config: RunConfig, run: str, opened: Store, *others: object) -> RunResources:
    return dataclasses.replace(seeded_resources(config, run, opened, *others),
                               open_teacher=lambda: open_llm_teacher(config, run, opened, None, IMPATIENT))


def execute_one(url: str, data: str, device: str, together: multiprocessing.synchronize.Barrier) -> None:
    """A process of its own: claim one run, wait until the other process has one too, and execute it."""
    store = open_store(url)
    claim = leases.claim_next(store, f"{device}:1:1")
    together.wait(300)
    assert claim and execute_claimed_run(claim, Paths(Path(data), url), paid) == 0


@pytest.mark.slow
def test_two_processes_pay_the_questions_and_references_they_share_once(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeOpenAI(seconds=0.1) as fake:
        planned = plan((1, 2), teacher="gpt-4o-mini", teacher_base_url=fake.url, questions=3, held_out=3)
        store = open_store(address_in(tmp_path))
        queued = commands.launch_group(store, planned.configs, "g", "test")
        context = multiprocessing.get_context("spawn")
        together = context.Barrier(2)
        processes = [context.Process(target=execute_one, args=(store.url, str(tmp_path), device, together))
                     for device in ("one", "two")]
        for process in processes:
            process.start()
        for process in processes:
            process.join(600)
        assert {queries.find_run(store, run).work for run in queued.runs} == {"finished"}  # type: ignore[union-attr]
        usage = queries.teacher_usage(store, queued.runs)
        assert len(fake.requests) == sum(used.calls for used in usage.values()) > 3, "each reply was paid for once"
        assert len({run.held_out_hash for run in queries.runs_of_group(store, "g")}) == 1
        assert len({queries.practice_questions_of(store, run) for run in queued.runs}) == 1


def test_a_claim_lasts_as_long_as_the_lease_of_its_run(store: Store) -> None:
    first, second = (commands.launch_run(store, plan((seed,)).configs[0], "test") for seed in (1, 2))
    claim = leases.claim_next(store, "host:1:1", first)
    assert claim and claim_call(store, "key", first) and claim_call(store, "key", first)
    assert not claim_call(store, "key", second)
    release_call(store, "key", second)  # not its own
    assert not claim_call(store, "key", second)
    leases.release(store, claim)  # the runner has gone
    assert claim_call(store, "key", second)


class Scripted:
    """A model that stores the reply of another run while it is asked to wait."""

    def complete(self, request: ChatRequest) -> Completion:
        raise AssertionError("the other run's reply is there")


def test_who_waits_uses_the_reply_of_the_run_that_made_the_call(store: Store) -> None:
    first, second = (commands.launch_run(store, plan((seed,)).configs[0], "test") for seed in (1, 2))
    assert leases.claim_next(store, "host:1:1", first)

    class Answers:
        def complete(self, request: ChatRequest) -> Completion:
            return Completion("paid by the first", "stop", 1, 1)

    payer, waited = CachedChat(Answers(), "m", "a", first, store), []
    assert claim_call(store, payer.cache_key(REQUEST), first)

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        payer.complete(REQUEST)

    found = CachedChat(Scripted(), "m", "a", second, store, sleep=sleep).complete(REQUEST)
    assert found.text == "paid by the first" and len(waited) == 1


def test_the_first_shared_test_is_kept(tmp_path: Path) -> None:
    path = held_out_sets.path_of(tmp_path, "ours")
    first, second = ([KnowledgeRead("a domain", "hash", count)] for count in (1, 2))
    assert held_out_sets.freeze(path, "hash", first) == first
    assert held_out_sets.freeze(path, "hash", second) == first == held_out_sets.load(path, "hash")
    assert [one.name for one in path.parent.iterdir()] == ["ours.json"]
