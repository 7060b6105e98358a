"""Whole runs with a chat teacher at a compatible server on this machine; what it costs, and where a budget ends it."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.questions import PRACTICE
from runner.llm.errors import UnknownPrice
from runner.llm.retry import Clock
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import build_resources, execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import RecoveryTaken
from store.paths import Paths
from store.run_config import RunConfig
from tests.runner.fake_openai import FakeOpenAI, refuse
from tests.runner.fake_teachers import IMPATIENT
from tests.plain_runs import plain_run
from tests.runner.teacher_runs import carry_out


def config_at(fake: FakeOpenAI, **changes: Any) -> RunConfig:
    settings: dict[str, Any] = {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, "questions": 6, "held_out": 6,
                                "topics": ("pods", "services"), "steps": 2}
    return plain_run(**settings | changes)


def test_a_run_with_a_chat_teacher_ends_with_references_of_its_own_and_its_cost(fake: FakeOpenAI, store: Store,
                                                                                tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, config_at(fake))
    assert run.work == "finished", run.trace
    pairs = queries.answers_of(store, run.id, 1)
    assert len(pairs) == 12 and all(pair.reference and pair.evidence in pair.passage for pair in pairs)
    cost = [point.value for point in queries.series(store, run.id, "teacher_cost_usd")]
    assert cost and cost[-1] and cost[-1] > 0


def test_an_equal_run_pays_for_nothing_again(fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    carry_out(store, tmp_path, config_at(fake))
    paid = len(fake.requests)
    assert carry_out(store, tmp_path, config_at(fake)).work == "finished"
    assert len(fake.requests) == paid


def test_a_budget_ends_asking_cleanly(fake: FakeOpenAI, store: Store) -> None:
    config = config_at(fake, max_cost_usd=0.0001)
    teacher = open_llm_teacher(config, "r1", store, None, IMPATIENT, Clock(rng=random.Random(1)))
    domain = fakes.small_domain()
    asked = teacher.ask_questions(domain, config.topics, 50, PRACTICE, 1, ())
    spent = teacher.usage()
    assert 0 < len(asked) < 50 and spent.cost_usd and spent.cost_usd >= 0.0001
    assert any("USD that it may cost" in rejected.reason for rejected in teacher.rejected)
    calls = len(fake.requests)
    missing = teacher.write_references(domain, asked)
    assert len(fake.requests) == calls  # not one call more
    assert all(reference.text is None and "may cost" in (reference.missing or "") for reference in missing)


def test_a_budget_for_a_model_of_unknown_price_is_refused(fake: FakeOpenAI, store: Store) -> None:
    with pytest.raises(UnknownPrice, match=r"'llama3'.*--max-cost-usd"):
        open_llm_teacher(config_at(fake, teacher="llama3", max_cost_usd=1.0), "r1", store, None)


def test_a_rate_limit_is_waited_out_and_the_wait_is_on_record(fake: FakeOpenAI, store: Store, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the workbench of a real worker, as a server's 429 with Retry-After would be met."""
    fake.script.append(refuse(429, "slow down", headers={"Retry-After": "1"}))

    def real_teacher(config: RunConfig, run: str, store: Store, paths: Paths, journal: Journal) -> RunResources:
        real = build_resources(config, run, store, paths, journal)
        return dataclasses.replace(fakes.fake_resources(config, run, store, paths, journal),
                                   open_teacher=real.open_teacher)

    run = commands.launch_run(store, config_at(fake), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), real_teacher) == 0
    assert (queries.find_run(store, run) or pytest.fail()).work == "finished"
    waits = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert waits and waits[0].kind == "rate limit" and waits[0].wait_seconds >= 0.9


def test_a_key_is_nowhere_in_what_a_run_leaves_behind(fake: FakeOpenAI, store: Store, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-key-0123456789")
    carry_out(store, tmp_path, config_at(fake))
    store.close()
    left = [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-planted" in path.read_bytes()]
    assert left == []
