"""Whole runs with a chat teacher at a compatible server on this machine; what it costs, and where a budget ends it."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.questions import PRACTICE
from runner.teacher.errors import UnknownPrice
from runner.teacher.opening import open_chat_teacher
from runner.teacher.patient_chat import Time
from runner.worker import real_workbench, work
from runner.workbench import Workbench
from store import commands, leases, queries
from store.config import RunConfig, preset
from store.database import Store
from store.events import RecoveryTaken
from store.journal import Journal, read_events
from store.locations import Locations
from tests.runner.fake_openai import FakeOpenAI, refuse
from tests.runner.fake_teachers import IMPATIENT


def config_at(fake: FakeOpenAI, **changes: Any) -> RunConfig:
    settings: dict[str, Any] = {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, "questions": 6, "held_out": 6,
                                "topics": ("pods", "services"), "steps": 2}
    return preset("embedded", **settings | changes)


def bench(config: RunConfig, run: str, store: Store, *others: object) -> Workbench:
    """The real chat teacher, and fakes for the models."""
    teacher = open_chat_teacher(config, run, store, None, IMPATIENT, Time(chance=random.Random(1)))
    return dataclasses.replace(fakes.fake_bench(config, run, store, *others),  # type: ignore[arg-type]
                               open_teacher=lambda: teacher)


def carry_out(store: Store, data: Path, config: RunConfig) -> queries.Run:
    run = commands.launch(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, Locations(data, store.url), bench) == 0
    found = queries.run_named(store, run)
    assert found
    return found


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
    teacher = open_chat_teacher(config, "r1", store, None, IMPATIENT, Time(chance=random.Random(1)))
    domain = fakes.small_domain()
    asked = teacher.ask(domain, config.topics, 50, PRACTICE, 1, ())
    spent = teacher.usage()
    assert 0 < len(asked) < 50 and spent.cost_usd and spent.cost_usd >= 0.0001
    assert any("USD that it may cost" in rejected.reason for rejected in teacher.rejected)
    calls = len(fake.requests)
    missing = teacher.refer_all(domain, asked)
    assert len(fake.requests) == calls  # not one call more
    assert all(reference.text is None and "may cost" in (reference.missing or "") for reference in missing)


def test_a_budget_for_a_model_of_unknown_price_is_refused(fake: FakeOpenAI, store: Store) -> None:
    with pytest.raises(UnknownPrice, match=r"'llama3'.*--max-cost-usd"):
        open_chat_teacher(config_at(fake, teacher="llama3", max_cost_usd=1.0), "r1", store, None)


def test_a_rate_limit_is_waited_out_and_the_wait_is_on_record(fake: FakeOpenAI, store: Store, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the workbench of a real worker, as a server's 429 with Retry-After would be met."""
    fake.script.append(refuse(429, "slow down", headers={"Retry-After": "1"}))

    def real_teacher(config: RunConfig, run: str, store: Store, places: Locations, journal: Journal) -> Workbench:
        real = real_workbench(config, run, store, places, journal)
        return dataclasses.replace(fakes.fake_bench(config, run, store, places, journal),
                                   open_teacher=real.open_teacher)

    run = commands.launch(store, config_at(fake), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and work(claim, Locations(tmp_path, store.url), real_teacher) == 0
    assert (queries.run_named(store, run) or pytest.fail()).work == "finished"
    waits = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert waits and waits[0].kind == "rate limit" and waits[0].wait_seconds >= 0.9


def test_a_key_is_nowhere_in_what_a_run_leaves_behind(fake: FakeOpenAI, store: Store, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-key-0123456789")
    carry_out(store, tmp_path, config_at(fake))
    store.close()
    left = [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-planted" in path.read_bytes()]
    assert left == []
