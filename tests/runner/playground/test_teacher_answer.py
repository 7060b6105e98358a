"""Playground questions to a paid teacher: never above estimate or limit, paid once despite kills, with their cost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.cli.ask import stream_teacher
from runner.playground.worker import serve_questions
from runner.teacher.prompts import ANSWER_SCHEMA, closed_book_prompt
from store import commands, queries
from store.commands import playground
from store.commands.playground import Usage
from store.costs import llm_calls, playground_budget
from store.costs.llm_calls import LLMCall, UsageTotals, call_key
from store.database import Store, open_store
from store.paths import Paths
from store.run_config import RunConfig
from tests.runner.answer_on_demand import Parrot
from tests.runner.fake_openai import FakeOpenAI, refuse, say
from tests.plain_runs import plain_run

LONGEST = "What does a Pod do? " * 50
ANSWER = json.dumps({"answer": "A Pod is a group of containers."})
PAID = Usage("gpt-4o-mini", 1, 100, 20, pytest.approx((100 * 0.15 + 20 * 0.60) / 1e6))  # as the server counts


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(models=("gpt-4o-mini", "house-model"), words=lambda body: ANSWER) as server:
        yield server


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    opened = open_store(paths.store_url)
    yield opened
    opened.close()


def launched(store: Store, fake: FakeOpenAI, **changes: Any) -> str:
    given = {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, **changes}
    return commands.launch_run(store, plain_run(**given), "test")


def asked(store: Store, paths: Paths, run: str, question: str = LONGEST) -> queries.PlaygroundQuestion:
    """One question with the teacher, answered by the process's own loop."""
    number = playground.ask(store, run, 0, question, "ann", commands.new_token(), with_teacher=True)
    serve_questions(store, paths, "host:1:1", 0.05, lambda *_: Parrot())  # type: ignore[arg-type,return-value]
    found = queries.playground_question(store, number)
    assert found and found.state == "done"
    return found


def spend(store: Store, run: str, completion_tokens: int | None, purpose: str = "reference") -> None:
    """A receipt of an earlier call."""
    tokens = None if completion_tokens is None else 0
    llm_calls.record_call(store, LLMCall(call_key("gpt-4o-mini", run, {}, purpose), run, "gpt-4o-mini", purpose, "{}",
                                         tokens, completion_tokens))


def test_an_answer_has_its_bill_and_counts_for_nothing_of_the_run(store: Store, paths: Paths,
                                                                  fake: FakeOpenAI) -> None:
    run = launched(store, fake)
    found = asked(store, paths, run)
    assert found.said[-1].text == "A Pod is a group of containers." and found.bill == PAID
    assert llm_calls.run_usage(store, run) == UsageTotals(0, 0, 0, 0) and queries.teacher_usage(store, [run]) == {}
    assert llm_calls.playground_usage(store, run) == UsageTotals(1, 100, 20, 0)
    remaining = playground_budget.remaining_budget(store, run, plain_run(teacher="gpt-4o-mini"))
    assert remaining and remaining.spent_usd == PAID.cost_usd
    assert asked(store, paths, run).bill == PAID and len(fake.requests) == 2  # another question is another call


def test_no_question_takes_more_than_was_said_before_it(store: Store, paths: Paths, fake: FakeOpenAI) -> None:
    run = launched(store, fake)
    for question in ("Why?", "ß€😀" * 333):
        asked(store, paths, run, question)
        (said, limit), estimate = spoken(fake), playground_budget.estimate(plain_run(teacher="x"), question)
        assert said <= estimate.prompt_tokens and limit <= estimate.completion_tokens
    longest = playground_budget.estimate(plain_run(teacher="gpt-4o-mini"))
    assert longest.cost_usd is not None and "0.0047 USD" in longest.sentence()
    prompt = closed_book_prompt("", "")
    assert len((prompt.system + prompt.user
                + json.dumps(ANSWER_SCHEMA)).encode()) + 100 < playground_budget.PROMPT_OVERHEAD_BYTES


def spoken(fake: FakeOpenAI) -> tuple[int, int]:
    """The bytes of everything that was sent in the newest request, and how long its reply may be."""
    body = {key: value for key, value in fake.requests[-1].items() if key != "_headers"}
    return len(json.dumps(body["messages"], ensure_ascii=False).encode()), body["max_tokens"]


def test_the_limit_of_a_run_holds_its_own_calls_and_questions_together(store: Store, paths: Paths,
                                                                       fake: FakeOpenAI) -> None:
    run = launched(store, fake, max_cost_usd=0.01)
    assert asked(store, paths, run).bill
    spend(store, run, round(0.0095 / 0.60 * 1e6))
    found = asked(store, paths, run)
    assert found.said[0].text and not found.bill and len(fake.requests) == 1
    assert "not asked: it could cost" in found.said[-1].silent and "0.0100 USD that this run" in found.said[-1].silent


def test_all_questions_of_a_day_have_a_limit_of_their_own(store: Store, paths: Paths, fake: FakeOpenAI) -> None:
    spend(store, "another run", round(1 / 0.60 * 1e6), llm_calls.playground_purpose(7, "closed book"))
    found = asked(store, paths, launched(store, fake))
    assert "1.00 USD that all questions" in found.said[-1].silent and not fake.requests


def test_calls_that_nobody_counted_are_taken_at_their_most(store: Store, fake: FakeOpenAI) -> None:
    run = launched(store, fake)
    config = plain_run(teacher="gpt-4o-mini")
    spend(store, run, None, llm_calls.playground_purpose(7))
    remaining = playground_budget.remaining_budget(store, run, config)
    assert remaining and remaining.spent_usd == playground_budget.estimate(config).cost_usd


def test_a_question_whose_process_was_killed_is_paid_once(store: Store, paths: Paths, fake: FakeOpenAI) -> None:
    run = launched(store, fake)
    number = playground.ask(store, run, 0, LONGEST, "ann", "token", with_teacher=True)

    class Killed(BaseException):
        """As by a signal, after the call."""

    def kept(store: Store, receipt: LLMCall) -> LLMCall:
        llm_calls.record_call(store, receipt)
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr("runner.llm.response_cache.record_call", kept)
        serve_questions(store, paths, "host:1:1", 0.05, lambda *_: Parrot())  # type: ignore[arg-type,return-value]
    playground.QUEUE.fail_or_retry(store, "host:1:1", "killed")
    serve_questions(store, paths, "host:1:1", 0.05, lambda *_: Parrot())  # type: ignore[arg-type,return-value]
    found = queries.playground_question(store, number)
    assert found and found.bill == PAID and found.attempts == 2 and len(fake.requests) == 1


def test_a_question_in_a_terminal_is_held_by_the_same_limits_and_keeps_its_receipt(store: Store, paths: Paths,
                                                                                   fake: FakeOpenAI) -> None:
    once = playground_budget.estimate(plain_run(teacher="gpt-4o-mini"), LONGEST).cost_usd
    run = queries.find_run(store, launched(store, fake, max_cost_usd=once))
    assert run
    before = queries.last_event_id(store, run.id)
    [(arm, words)] = stream_teacher(paths.store_url, run, 1, LONGEST)
    assert arm == "teacher" and words.startswith("A Pod is a group of containers.") and "1 call, 100 tokens in" in words
    [(_, words)] = stream_teacher(paths.store_url, run, 1, LONGEST)
    assert words.startswith("(no answer: not asked: it could cost") and len(fake.requests) == 1
    assert llm_calls.playground_usage(store, run.id) == UsageTotals(1, 100, 20, 0)
    assert queries.last_event_id(store, run.id) == before


def test_a_teacher_of_unknown_price_says_so_and_its_tokens_are_counted(store: Store, paths: Paths,
                                                                       fake: FakeOpenAI) -> None:
    config = plain_run(teacher="house-model")
    assert "No price is known for the teacher house-model" in playground_budget.estimate(config).sentence()
    bill = asked(store, paths, launched(store, fake, teacher="house-model")).bill
    assert bill == dataclasses.replace(PAID, model="house-model", cost_usd=None)


def test_a_teacher_that_cannot_answer_is_silent_and_the_students_are_heard(store: Store, paths: Paths,
                                                                           fake: FakeOpenAI) -> None:
    run = launched(store, fake, knowledge="/no/such/folder", topics=())
    fake.script.extend([refuse(401, "Incorrect API key"), say("")])
    refused = asked(store, paths, run)
    assert refused.said[0].text.startswith("You asked") and not refused.bill and "key" in refused.said[-1].silent
    wordless = asked(store, paths, run)
    assert "empty" in wordless.said[-1].silent and wordless.bill == PAID  # it was paid for all the same


def test_a_run_s_own_asking_ends_where_questions_have_spent_its_limit(store: Store, fake: FakeOpenAI) -> None:
    from runner.llm.chat import ChatRequest
    from runner.llm.errors import CostLimitReached
    from runner.teacher import open_teacher
    from runner.teacher.prompts import ANSWER_SCHEMA as SCHEMA

    config = RunConfig(teacher="gpt-4o-mini", teacher_base_url=fake.url, max_cost_usd=0.01)
    spend(store, "r1", round(0.02 / 0.60 * 1e6), llm_calls.playground_purpose(7))
    teacher: Any = open_teacher(config, "r1", store)
    with pytest.raises(CostLimitReached):
        teacher._chat.complete(ChatRequest("s", "u", "answer", SCHEMA, 0.0, 10, 0, "reference", "x"))
    assert not fake.requests
