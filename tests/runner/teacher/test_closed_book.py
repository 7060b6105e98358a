"""The teacher as the ceiling: a chat model answers the test from what it knows, recorded as any call."""

from __future__ import annotations

import dataclasses
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.questions import HELD_OUT
from runner.llm.chat import ChatRequest
from runner.llm.openai_client import OpenAIChat
from runner.llm.response_cache import _completion
from runner.llm.retry import Clock, RetryPolicy
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from store import commands, queries
from store.analysis.ways_to_answer import TITLES, ways_to_answer
from store.control_arms import TEACHER
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AnswersGiven
from store.paths import Paths
from store.run_config import RunConfig
from tests.runner.fake_openai import FakeOpenAI, good_words
from tests.plain_runs import plain_run

CLOSED_BOOK = "from what you know"


def words(body: dict[str, Any]) -> str:
    """A good teacher that, asked without a passage, can only turn the question round."""
    user = str(body["messages"][1]["content"])
    if CLOSED_BOOK not in user:
        return good_words(body)
    return json.dumps({"answer": user.partition("?")[0] + " is what it is."})


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(words=words) as server:
        yield server


@pytest.fixture(scope="module")
def ran(fake: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, queries.Run]:
    """The same run twice: what the first one paid for is there."""
    data = tmp_path_factory.mktemp("closed book")
    store = open_store(f"sqlite:///{data / 'events.db'}")
    carry_out(fake, store, data)
    return store, carry_out(fake, store, data)


def bench(config: RunConfig, run: str, store: Store, *others: object) -> RunResources:
    """The real chat teacher, and fakes for the models."""
    teacher = open_llm_teacher(config, run, store, None, RetryPolicy(0.2, 0.01, 0.02), Clock(rng=random.Random(1)))
    return dataclasses.replace(fakes.fake_resources(config, run, store, *others),  # type: ignore[arg-type]
                               open_teacher=lambda: teacher)


def carry_out(fake: FakeOpenAI, store: Store, data: Path) -> queries.Run:
    config = plain_run(teacher="gpt-4o-mini", teacher_base_url=fake.url, questions=6, held_out=10,
                    topics=("pods", "services"), steps=2, arms=(TEACHER,))
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), bench) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.trace
    return found


def closed_book(fake: FakeOpenAI) -> list[str]:
    said = [str(body["messages"][1]["content"]) for body in fake.requests]
    return [user for user in said if CLOSED_BOOK in user]


def given_in(store: Store, run: queries.Run) -> AnswersGiven:
    (given,) = [item.event for item in read_events(store, run.id)
                if isinstance(item.event, AnswersGiven) and item.event.arm == TEACHER]
    return given


def test_the_teacher_answers_every_test_question_once_and_without_a_passage_in_sight(
        fake: FakeOpenAI, ran: tuple[Store, queries.Run]) -> None:
    held_out = [pair for pair in queries.answers_of(ran[0], ran[1].id, 1) if pair.tier == HELD_OUT]
    prompts = closed_book(fake)
    assert len(prompts) == len(held_out) == 10  # of two equal runs: no call was paid for twice
    for pair in held_out:
        (prompt,) = [user for user in prompts if pair.text in user]
        assert pair.passage not in prompt and pair.evidence not in prompt
    given = given_in(*ran)
    assert {answer.question_id for answer in given.answers} == {pair.question for pair in held_out}
    assert all(answer.text and answer.tokens for answer in given.answers)


def test_each_answers_seconds_are_its_calls_and_stored_replies_keep_them(
        ran: tuple[Store, queries.Run], tmp_path: Path) -> None:
    """The second of two equal runs made no call: what its answers took is what the first one's calls took."""
    store, run = ran
    (way,) = [one for one in ways_to_answer(store, run, "answer_similarity") if one.title == TITLES[TEACHER]]
    first = queries.all_runs(store)[-1]
    assert given_in(store, first) == given_in(store, run) and first.id != run.id
    seconds = sorted(answer.seconds for answer in given_in(store, run).answers)
    assert seconds[0] > 0 and way.speed.answers == 10
    assert way.speed.seconds_p50 == pytest.approx((seconds[4] + seconds[5]) / 2)
    assert way.speed.seconds_p95 is not None and seconds[8] <= way.speed.seconds_p95 <= seconds[9]


def test_a_call_is_timed_and_a_reply_of_before_that_was_not_stays_without_a_time(tmp_path: Path) -> None:
    stored = json.dumps({"text": "A.", "finish": "stop", "prompt_tokens": 3, "completion_tokens": 5})
    assert _completion(stored) is not None and _completion(stored).seconds is None  # type: ignore[union-attr]
    with FakeOpenAI(words=lambda body: time.sleep(0.2) or "fine") as fake:  # type: ignore[func-returns-value]
        made = OpenAIChat("gpt-4o-mini", fake.url, "key").complete(ChatRequest(
            "", "What is a Pod?", "", {}, 0.0, 16, 0, "closed book", "1"))
    assert made.seconds is not None and 0.2 <= made.seconds < 20
    assert _completion(json.dumps(dataclasses.asdict(made))) == made


def test_its_gap_is_measured_and_not_by_construction(ran: tuple[Store, queries.Run]) -> None:
    gap = next(gap for gap in queries.gaps_of(ran[0], ran[1].id) if gap.metric == "answer_similarity")
    assert not gap.by_construction and gap.teacher is not None and gap.teacher < 1 and gap.scored == 10
    assert gap.closed is not None or gap.missing


def test_an_answer_that_cannot_be_read_is_missing_with_its_reason(tmp_path: Path) -> None:
    def silent(body: dict[str, Any]) -> str:
        return "" if CLOSED_BOOK in str(body["messages"][1]["content"]) else good_words(body)
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    with FakeOpenAI(words=silent) as fake:
        run = carry_out(fake, store, tmp_path)
    row = next(row for row in queries.arm_changes_of(store, run.id)
               if (row.arm, row.against, row.metric) == (TEACHER, "baseline", "answer_similarity"))
    assert (row.scored, row.asked, row.verdict) == (0, 10, "not measured")
    assert all(answer.text is None and "empty" in (answer.missing or "") for answer in given_in(store, run).answers)
