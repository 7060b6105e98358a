"""Endpoints that a teacher cannot use: their own words in the record, few calls, and larger limits where they help."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from knowledge.domain import Domain
from knowledge.questions import PRACTICE
from runner.llm.errors import CostLimitReached, TeacherUnusable
from store import queries
from store.costs.llm_calls import LLMCall, find_call, record_call, run_usage
from store.costs.reply_limits import MAX_REPLY_TOKENS, larger_limit
from store.database import Store
from store.event_log.journal import read_events
from store.events import QuestionsRejected, RunFailed, StageFailed
from tests.runner.fake_openai import FakeOpenAI, Step, answer, good_words, refuse, say
from tests.runner.fake_teachers import teacher_at
from tests.runner.teacher.test_teacher_run import carry_out, config_at


def always(step: Step) -> Step:
    def again(handler: Any, body: dict[str, Any]) -> None:
        handler.fake.script.appendleft(again)
        step(handler, body)
    return again


def limit_of(body: dict[str, Any]) -> int:
    return int(body.get("max_tokens") or body["max_completion_tokens"])


def needs_room(handler: Any, body: dict[str, Any]) -> None:
    """A reasoning model: below 3,000 tokens nothing is left for the reply."""
    (answer if limit_of(body) >= 3000 else say("", "length"))(handler, body)


@pytest.mark.parametrize(("step", "words", "calls"), [
    (refuse(400, "tenant 7 may not call this deployment"), "tenant 7 may not call this deployment", 3),
    (refuse(422, "no such feature: chat"), "no such feature: chat", 3),
    (say(None, reasoning_content="The passage states the fact"), "The passage states the fact", 3),
    (say("", "length"), "finish_reason 'length'", 6), (say("I am a parrot"), "I am a parrot", 9),
    (say("<think>where do I begin"), "reasoning", 3),
])
def test_the_endpoints_own_words_stand_in_error_and_events_and_asking_stops_early(
        fake: FakeOpenAI, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, step: Step, words: str,
        calls: int) -> None:
    fake.script.append(always(step))
    run = carry_out(store, tmp_path, config_at(fake))
    events = [item.event for item in read_events(store, run.id)]
    (rejected,) = [event for event in events if isinstance(event, QuestionsRejected)]
    (stage,) = [event for event in events if isinstance(event, StageFailed)]
    (end,) = [event for event in events if isinstance(event, RunFailed)]
    assert all(words in record.reason for record in rejected.rejected)
    assert words in stage.message and words in end.message and words in caplog.text
    assert sum(int(count) for count in re.findall(rf"(\d+) of {len(rejected.rejected)}\b", end.message)) == \
        len(rejected.rejected)
    assert "add documents or topics" not in end.message and stage.kind == "teacher reply unreadable"
    assert len(fake.requests) <= calls


def test_references_that_are_all_refused_end_asking_with_the_words_and_the_count(fake: FakeOpenAI,
                                                                                 domain: Domain) -> None:
    teacher = teacher_at(fake)
    questions = teacher.ask_questions(domain, domain.topics[:3], 6, PRACTICE, 5, [])
    asked = len(fake.requests)
    fake.script.append(always(say("")))
    with pytest.raises(TeacherUnusable, match=r"[3-8] calls.*the reply is empty"):
        teacher.write_references(domain, questions)
    assert len(fake.requests) - asked <= 8


def test_one_refused_passage_does_not_end_asking(fake: FakeOpenAI, domain: Domain) -> None:
    fake.script.extend([refuse(400, "content policy violation")] * 3)
    assert len(teacher_at(fake).ask_questions(domain, domain.topics[:2], 4, PRACTICE, 5, [])) == 4


def test_a_spent_budget_is_named_as_such(fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, config_at(fake, max_cost_usd=1e-9, held_out=0, cycles=1))
    assert run.work in ("failed", "finished")
    fresh = dataclasses.replace(config_at(fake, max_cost_usd=1e-9))
    from runner.teacher.factory import open_llm_teacher

    teacher = open_llm_teacher(fresh, run.id, store, None)
    from tests.runner import fakes

    with pytest.raises(CostLimitReached, match="may cost"):
        teacher.ask_questions(fakes.small_domain(), fresh.topics, 2, PRACTICE, 99, ())


# --- token limits ----------------------------------------------------------------------------------------

def test_a_reply_cut_off_at_the_limit_is_asked_for_with_a_larger_one_and_both_are_paid(fake: FakeOpenAI, domain: Domain,
                                                                                       store: Store) -> None:
    fake.script.append(always(needs_room))
    teacher = teacher_at(fake, store)
    assert len(teacher.ask_questions(domain, domain.topics[:1], 4, PRACTICE, 5, [])) == 4
    first, second = fake.requests[:2]
    assert limit_of(second) == larger_limit(limit_of(first)) <= MAX_REPLY_TOKENS
    assert first["messages"] == second["messages"]
    assert run_usage(store, "r1").calls == len(fake.requests)
    assert [limit_of(body) for body in fake.requests].count(limit_of(first)) == 1  # later calls start at the larger one
    paid = len(fake.requests)
    assert len(teacher_at(fake, store).ask_questions(domain, domain.topics[:1], 4, PRACTICE, 5, [])) == 4
    assert len(fake.requests) == paid


def test_a_limit_that_the_endpoint_does_not_allow_leaves_the_first_reply(fake: FakeOpenAI, domain: Domain) -> None:
    def small(handler: Any, body: dict[str, Any]) -> None:
        too_long = refuse(400, "maximum context length is 2048 tokens")
        (too_long if limit_of(body) > 2048 else say("", "length"))(handler, body)

    fake.script.append(always(small))
    teacher = teacher_at(fake)
    assert teacher.ask_questions(domain, domain.topics[:1], 1, PRACTICE, 5, []) == []
    assert all("cut off" in rejected.reason for rejected in teacher.rejected)


# --- stored replies --------------------------------------------------------------------------------------

def test_a_stored_reply_that_cannot_be_used_is_asked_for_again(fake: FakeOpenAI, domain: Domain, store: Store) -> None:
    fake.script.append(always(say(None, reasoning_content="hm")))
    assert teacher_at(fake, store).ask_questions(domain, domain.topics[:1], 2, PRACTICE, 5, []) == []
    fake.script.clear()  # the endpoint is repaired
    assert len(teacher_at(fake, store).ask_questions(domain, domain.topics[:1], 2, PRACTICE, 5, [])) == 2
    paid = len(fake.requests)
    assert len(teacher_at(fake, store).ask_questions(domain, domain.topics[:1], 2, PRACTICE, 5, [])) == 2
    assert len(fake.requests) == paid


@pytest.mark.parametrize("damage", [lambda text: "not json", lambda text: "{}", lambda text: "[1]",
                                    lambda text: json.dumps({**json.loads(text), "text": None})])
def test_a_damaged_stored_reply_is_asked_for_again(fake: FakeOpenAI, domain: Domain, store: Store,
                                                   damage: Callable[[str], str]) -> None:
    from store.schema import teacher_calls

    teacher_at(fake, store).ask_questions(domain, domain.topics[:1], 1, PRACTICE, 5, [])
    with store.write() as connection:
        stored = connection.execute(teacher_calls.select()).mappings().one()
        connection.execute(teacher_calls.update().values(response=damage(stored["response"])))
    assert len(teacher_at(fake, store).ask_questions(domain, domain.topics[:1], 1, PRACTICE, 5, [])) == 1
    assert len(fake.requests) == 2


def test_a_lone_surrogate_ends_no_run_and_stored_ones_are_replaced(fake: FakeOpenAI, store: Store,
                                                                   tmp_path: Path) -> None:
    def odd(body: dict[str, Any]) -> str:
        return good_words(body).replace('?"', ' \\ud83d?"').replace('"answer": "', '"answer": "\\ud83d ')

    fake.words = odd
    run = carry_out(store, tmp_path, config_at(fake))
    assert run.work == "finished", run.trace
    assert all("\ufffd" in (pair.reference or "") for pair in queries.answers_of(store, run.id, 1))


def test_the_cache_replaces_surrogates_of_replies_stored_before(fake: FakeOpenAI, store: Store) -> None:
    from runner.llm.response_cache import CachedChat
    from tests.runner.fake_teachers import REQUEST

    class Silent:
        def complete(self, request: Any) -> Any:
            raise AssertionError("the reply is stored")

    chat = CachedChat(Silent(), "m", "a", "r1", store)
    old = {"text": "27 \ud83d ms", "finish": "stop", "prompt_tokens": 1, "completion_tokens": 1, "refusal": None}
    record_call(store, LLMCall(chat.cache_key(REQUEST), "r1", "m", "questions", json.dumps(old), 1, 1))
    assert find_call(store, chat.cache_key(REQUEST))
    assert chat.complete(REQUEST).text == "27 \ufffd ms"
