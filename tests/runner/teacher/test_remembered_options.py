"""What an endpoint refused is kept in the store, recorded as an event, and not asked for by a later run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import fakes
import pytest

from dashboard.style.labels import usage_sentence
from dashboard.view_models import event_sentences
from runner.llm.capabilities import EndpointCapabilities
from runner.llm.factory import open_chat
from runner.llm.reasoning_effort import effort_to_send
from runner.llm.response_parsing import parse_completion
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import build_resources, execute_claimed_run
from store import commands, queries
from store.costs.endpoint_options import forget_refused_options, record_refused_option, refused_options
from store.costs.llm_calls import run_usage
from store.costs.prices import price_of
from store.costs.reply_limits import larger_limit
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import EndpointOptionRefused, RunPaused
from store.paths import Paths
from store.queries.questions import TeacherUsage
from store.run_config import RunConfig
from tests.runner.fake_openai import FakeOpenAI, answer, refuse
from tests.runner.fake_teachers import IMPATIENT, REQUEST
from tests.runner.teacher.test_teacher_run import config_at
from tests.runner.teacher.test_unusable_endpoint import always

SYSTEM_WORDS = "System role not supported"


def strict(handler: Any, body: dict[str, Any]) -> None:
    """An endpoint that refuses almost everything, one option a call, each in other words."""
    refusals = (("seed" in body, "Extra inputs are not permitted: 'seed'"),
                ("max_tokens" in body, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
                (body["messages"][0]["role"] == "system", SYSTEM_WORDS),
                ("reasoning_effort" in body, 'unknown field "reasoning_effort"'),
                ((body.get("response_format") or {}).get("type") == "json_schema", "response_format: no json_schema"))
    words = next((words for refused, words in refusals if refused), None)
    if words:
        handler.refuse(400, words)
    else:
        body["messages"].insert(0, {"role": "system", "content": ""})  # where the fake's good words look
        answer(handler, body)


def real_teacher(config: RunConfig, run: str, store: Store, paths: Paths, journal: Journal) -> RunResources:
    """The real worker's teacher, and fakes for the models."""
    real = build_resources(config, run, store, paths, journal)
    return dataclasses.replace(fakes.fake_resources(config, run, store, paths, journal), open_teacher=real.open_teacher)


def carry_out(store: Store, data: Path, config: RunConfig) -> queries.Run:
    return execute(store, data, commands.launch_run(store, config, "test"))


def execute(store: Store, data: Path, run: str) -> queries.Run:
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), real_teacher) == 0
    found = queries.find_run(store, run)
    assert found
    return found


def test_a_later_run_does_not_ask_again_with_what_was_refused(fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    fake.script.append(always(strict))
    run = carry_out(store, tmp_path, config_at(fake, teacher_effort="low"))
    assert run.work == "finished", run.trace
    refused = [item.event for item in read_events(store, run.id) if isinstance(item.event, EndpointOptionRefused)]
    assert {event.option: event.sent_instead for event in refused} == {
        "seed": "", "limit": "max_completion_tokens", "system role": "", "reasoning_effort": "",
        "response_format": "json_object"}
    assert all(event.role == "teacher" and event.address == fake.url and event.effort == "low" for event in refused)
    assert [event.message for event in refused if event.option == "system role"] == [SYSTEM_WORDS]
    (line,) = [event_sentences.describe(entry) for entry in queries.incidents(store, run.id)
               if isinstance(entry.event, EndpointOptionRefused) and entry.event.option == "limit"]
    assert "refuses the option limit; max_completion_tokens is sent instead" in line and "Unsupported" in line

    fake.requests.clear()
    second = carry_out(store, tmp_path, config_at(fake, teacher_effort="low", seed=43))
    assert second.work == "finished" and fake.requests
    assert not any({"seed", "max_tokens", "reasoning_effort"} & set(body) for body in fake.requests)
    assert not any(isinstance(item.event, EndpointOptionRefused) for item in read_events(store, second.id))

    assert forget_refused_options(store, fake.url, "gpt-4o-mini") == 5
    fake.requests.clear()
    open_chat("gpt-4o-mini", fake.url, "k", "third", store, IMPATIENT, effort="low").complete(REQUEST)
    assert "seed" in fake.requests[0] and "reasoning_effort" in fake.requests[1]  # asked again


def test_an_option_that_is_refused_in_silence_is_recorded_and_not_sent_by_a_later_run(
        fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    def silent(handler: Any, body: dict[str, Any]) -> None:
        (refuse(400, "Bad request") if {"seed", "temperature"} & set(body) else answer)(handler, body)

    fake.script.append(always(silent))
    run = carry_out(store, tmp_path, config_at(fake))
    assert run.work == "finished", run.trace
    refused = [item.event for item in read_events(store, run.id) if isinstance(item.event, EndpointOptionRefused)]
    assert {event.option: event.message for event in refused} == {"seed": "Bad request", "temperature": "Bad request"}
    accepted = sum(not {"seed", "temperature"} & set(body) for body in fake.requests)
    assert run_usage(store, run.id).calls == accepted  # each call that was paid is a stored reply

    fake.requests.clear()
    assert carry_out(store, tmp_path, config_at(fake, seed=43)).work == "finished"
    assert fake.requests and not any({"seed", "temperature"} & set(body) for body in fake.requests)
    assert all(body["response_format"]["type"] == "json_schema" for body in fake.requests)


def test_what_was_refused_is_kept_by_address_model_and_effort(store: Store) -> None:
    """A model may take a temperature with one effort and refuse it with another."""
    record_refused_option(store, "http://a/v1", "m", "low", "temperature", "", "only the default")
    record_refused_option(store, "http://a/v1", "m", "low", "largest limit", "4096", "at most 4096")
    record_refused_option(store, "http://a/v1", "m", "low", "largest limit", "2048", "at most 2048")
    assert refused_options(store, "http://a/v1", "m", "low") == {"temperature": "", "largest limit": "2048"}
    for other in (("http://b/v1", "m", "low"), ("http://a/v1", "n", "low"), ("http://a/v1", "m", "none")):
        assert refused_options(store, *other) == {}
    assert forget_refused_options(store, "http://a/v1", "n") == 0


@pytest.mark.parametrize("capabilities", [
    EndpointCapabilities(), EndpointCapabilities("text", None, 64, frozenset(("seed", "top_p")), False),
    EndpointCapabilities("json_object", "max_completion_tokens", None, frozenset(("temperature",)))])
def test_what_is_kept_gives_the_same_capabilities_again(capabilities: EndpointCapabilities) -> None:
    assert EndpointCapabilities.from_refused(capabilities.refused) == capabilities


def test_entries_that_make_no_sense_are_ignored() -> None:
    kept = {"response_format": "yaml", "limit": "most", "largest limit": "many", "colour": "", "seed": ""}
    assert EndpointCapabilities.from_refused(kept) == EndpointCapabilities(dropped=frozenset(("seed",)))


# --- the reasoning effort --------------------------------------------------------------------------------

@pytest.mark.parametrize(("setting", "model", "sent"), [
    ("auto", "gpt-6-luna", "none"), ("auto", "gpt-4o-mini", None), ("auto", "llama3", None),
    ("unset", "gpt-6-luna", None), ("none", "llama3", "none"), ("high", "gpt-6-luna", "high"), ("max", "x", "max")])
def test_no_reasoning_is_asked_for_where_a_model_reasons_by_default(setting: str, model: str, sent: str | None,
                                                                    store: Store) -> None:
    assert effort_to_send(setting, model) == sent
    with FakeOpenAI(models=(model,)) as fake:
        open_chat(model, fake.url, "k", "r", store, IMPATIENT, effort=sent).complete(REQUEST)
    assert fake.requests[0].get("reasoning_effort") == sent


# --- reasoning tokens ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("usage", "completion", "reasoning"), [
    ({"prompt_tokens": 10, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 40}}, 50, 40),
    ({"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60, "reasoning_tokens": 40}, 50, 40),
    ({"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 60,  # counted apart from the completion
      "completion_tokens_details": {"reasoning_tokens": 40}}, 50, 40),
    ({"prompt_tokens": 10, "completion_tokens": 5}, 5, None),
    ({"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": None}, 5, None),
    ({"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": "x"}}, 5, None),
])
def test_reasoning_is_part_of_the_completion_tokens(usage: dict[str, Any], completion: int,
                                                    reasoning: int | None) -> None:
    body = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    found = parse_completion(json.dumps(body), "http://a")
    assert (found.completion_tokens, found.reasoning_tokens) == (completion, reasoning)


def reporting(usage: dict[str, Any]) -> Any:
    """An endpoint that answers and reports this usage with every reply."""
    def reply(handler: Any, body: dict[str, Any]) -> None:
        message = {"role": "assistant", "content": handler.fake.words(body)}
        handler.send(200, json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}))
    return reply


def test_reasoning_tokens_stand_in_the_bill_of_a_run(fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    fake.script.append(always(reporting({
        "prompt_tokens": 100, "completion_tokens": 70, "completion_tokens_details": {"reasoning_tokens": 50}})))
    run = carry_out(store, tmp_path, config_at(fake))
    used, totals = queries.teacher_usage(store, [run.id])[run.id], run_usage(store, run.id)
    assert used.reasoning_tokens == totals.reasoning_tokens == 50 * totals.calls > 0
    assert used.tokens == 170 * totals.calls


# --- cached prompt tokens --------------------------------------------------------------------------------

@pytest.mark.parametrize(("usage", "cached"), [
    ({"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 64}}, 64),
    ({"input_tokens": 100, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 64}}, 64),
    ({"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, 64),
    ({"prompt_tokens": 100, "total_tokens": 105, "prompt_tokens_details": {"cached_tokens": 0}}, 0),
    ({"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 101}}, None),
    ({"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": "all"}}, None),
    ({"prompt_tokens": 100, "completion_tokens": 5}, None),
])
def test_cached_tokens_are_read_in_every_form_and_never_more_than_the_prompt_has(usage: dict[str, Any],
                                                                                 cached: int | None) -> None:
    body = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    assert parse_completion(json.dumps(body), "http://a").cached_prompt_tokens == cached


def test_a_run_pays_the_lower_price_for_cached_tokens(fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    fake.script.append(always(reporting({
        "prompt_tokens": 1000, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 800}})))
    run = carry_out(store, tmp_path, config_at(fake))
    used, totals, price = (queries.teacher_usage(store, [run.id])[run.id], run_usage(store, run.id),
                           price_of(run.config.teacher))
    assert price and price.cached_prompt_usd and price.cached_prompt_usd < price.prompt_usd
    assert used.cached_prompt_tokens == totals.cached_prompt_tokens == 800 * totals.calls > 0
    each = 200 * price.prompt_usd + 800 * price.cached_prompt_usd + 50 * price.completion_usd
    assert used.cost_usd == pytest.approx(totals.calls * each / 1e6)
    assert "800" not in usage_sentence(TeacherUsage(1, 1050, 0.1)) and "800 of them cached" in usage_sentence(
        TeacherUsage(1, 1050, 0.1, 0, 800))


# --- bounds ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("first", "bound", "larger"), [(600, 8192, 4800), (1000, 8192, 8000), (2048, 8192, 8192),
                                                        (600, 32768, 19200), (1000, 4096, 4000), (2048, 1024, 2048)])
def test_the_larger_limit_keeps_its_bound(first: int, bound: int, larger: int) -> None:
    assert larger_limit(first, bound) == larger


def test_a_wait_beyond_the_bound_pauses_the_run_and_resume_ends_it(fake: FakeOpenAI, store: Store,
                                                                   tmp_path: Path) -> None:
    fake.script.append(refuse(429, "daily limit", headers={"Retry-After": "7300"}))
    run = carry_out(store, tmp_path, config_at(fake, max_wait_seconds=7200.0))
    (paused,) = [item.event for item in read_events(store, run.id) if isinstance(item.event, RunPaused)]
    assert run.work == "paused" and run.error == paused.reason and "esume" in (run.advice or "")
    assert "daily limit" in paused.reason and "until" in paused.reason and "7,200 s at most" in paused.reason
    commands.change_run_state(store, "resume", run.id)
    resumed = execute(store, tmp_path, run.id)
    assert resumed.work == "finished" and not resumed.error
