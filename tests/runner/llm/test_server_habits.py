"""What the servers in use answer, each in its own way: by the right error, asked as often as it may help."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.llm.backoff import retry_after_seconds
from runner.llm.capabilities import EndpointCapabilities, RefusedOption
from runner.llm.context_room import room_for_reply
from runner.llm.errors import (
    ContentRefused, ContextTooLong, EndpointUnavailable, InvalidKey, QuotaExceeded, RateLimited, RequestRefused,
    TeacherError, UnknownModel, UnreadableReply,
)
from runner.llm.openai_client import OpenAIChat
from runner.teacher.usable_text import usable_text
from tests.runner.fake_openai import FakeOpenAI, Step, refuse, send
from tests.runner.fake_teachers import REQUEST

FULL = dataclasses.replace(REQUEST, top_p=0.9, reasoning_effort="none", max_tokens=1000)


@pytest.mark.parametrize(("option", "message"), [
    ("reasoning_effort", "invalid reasoning value: 'none' (must be \"high\", \"medium\", \"low\")"),
    ("reasoning_effort", "Budget 0 is invalid. This model only works in thinking mode."),
    ("reasoning_effort", "Thinking level MINIMAL is not supported for this model."),
    ("reasoning_effort", "Reasoning is mandatory for this endpoint and cannot be disabled."),
    ("temperature", "Reasoning models do not support temperature"),
    ("system role", "This reasoning model does not support system messages"),
    ("limit", "num_predict must be at most 512"), ("limit", "maxOutputTokens must be at most 512"),
    ("limit", "The maximum number of tokens to generate must be less than 512"),
    ("response_format", "text.format is not supported"), ("response_format", "strict mode is not supported"),
    ("response_format", "response_mime_type: application/json is not supported with this model"),
    ("response_format", "controlled generation is not supported"),
    ("system role", "`system` is not a valid role"), ("system role", "role must be 'user' or 'assistant'"),
    ("system role", "'messages.0' : discriminator property 'role' has invalid value"),
    ("system role", "Conversation must start with a user message"),
    ("system role", "First message role must be user"),
    ("system role", "Only user, assistant and tool roles are supported"),
    ("system role", "Please use a valid role: user"),
    ("system role", "[{'loc': ['body', 'messages', 0, 'role'], 'msg': 'unexpected value; permitted: user'}]"),
    ("system role", "invalid value: `system`, supported values are: `user` and `assistant`")])
def test_a_refusal_names_its_option_in_the_words_of_many_servers(option: str, message: str) -> None:
    assert EndpointCapabilities().refused_option(message, "", FULL) == option


def test_a_word_that_only_hints_at_an_option_counts_for_refusals_alone(fake: FakeOpenAI) -> None:
    """An outage of a reasoning model, or its absence, is not about the reasoning effort."""
    chat = OpenAIChat("m", fake.url, "none", 5.0)
    fake.script.extend([refuse(500, "the reasoning model crashed"), refuse(404, "no reasoning model m")])
    for kind in (EndpointUnavailable, UnknownModel):
        with pytest.raises(kind):
            chat.complete(FULL)
    assert len(fake.requests) == 2 and chat.capabilities == EndpointCapabilities()


QUOTA = "You exceeded your current quota, please check your plan and billing details."


def body(status: int, value: Any) -> Step:
    return send(json.dumps(value), status=status)


@pytest.mark.parametrize(("step", "kind", "words"), [
    (body(429, [{"error": {"message": f"{QUOTA} Please retry in 36.6s.", "status": "RESOURCE_EXHAUSTED"}}]),
     RateLimited, "36.6 s of quiet"),
    (body(429, [{"error": {"message": QUOTA, "details": [{"@type": "RetryInfo", "retryDelay": "36s"}]}}]), RateLimited,
     "36 s of quiet"),
    (refuse(429, QUOTA, code="insufficient_quota"), QuotaExceeded, QUOTA),
    (refuse(429, "Rate limit reached. Visit /account/billing to add a payment method."), RateLimited, "Rate limit"),
    (refuse(503, "overloaded", headers={"Retry-After": "3600"}), RateLimited,
     "does not serve 'm' now and asks for 3,600 s"),
    (refuse(498, "Flex Tier Capacity Exceeded"), RateLimited, "Flex"),
    (refuse(424, "pod down"), EndpointUnavailable, "pod"),
    (body(502, {"error": {"message": "Provider returned error", "metadata": {"raw": "GPU lost"}}}),
     EndpointUnavailable, "Provider returned error: GPU lost"),
    (refuse(403, "Your input was flagged for \"violence\""), ContentRefused, "flagged"),
    (body(403, {"code": "permission denied", "error": "Content violates usage guidelines."}), ContentRefused,
     "guidelines"),
    (refuse(403, "Requests to this API are blocked."), InvalidKey, "blocked"),
    (refuse(403, "no access to model `m`", code="model_not_found"), UnknownModel, "no access"),
    (refuse(400, "Missing or invalid Authorization header."), InvalidKey, "Authorization"),
    (refuse(400, "API key expired. Please renew the API key."), InvalidKey, "expired"),
    (refuse(400, "litellm.ContextWindowExceededError: too long"), ContextTooLong, "too long"),
    (refuse(400, "The input token count (1200) exceeds the maximum number of tokens allowed (1048)."), ContextTooLong,
     "1200"),
    (refuse(405, "Method Not Allowed"), UnknownModel, "most end in /v1"),
    (refuse(410, "removed"), UnknownModel, "removed"),
    (body(200, {"error": "Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway"}),
     UnknownModel, "most end in /v1"),
    (refuse(400, "The model `m` has been deprecated"), UnknownModel, "deprecated"),
    (refuse(400, "Budget has been exceeded! Max budget: 0.5"), QuotaExceeded, "Max budget"),
    (refuse(429, "Your account has exceeded its spending limit"), QuotaExceeded, "spending limit"),
    (body(200, {"code": 1113, "msg": "Insufficient balance", "success": False}), QuotaExceeded, "Insufficient balance"),
    (body(200, {"base_resp": {"status_code": 1004, "status_msg": "login fail"}, "choices": None}), InvalidKey,
     "login fail"),
    (body(200, {"status": "error", "reason": "GPU on fire"}), EndpointUnavailable, "GPU on fire")])
def test_a_failure_is_told_in_the_servers_words_after_one_call(fake: FakeOpenAI, step: Step, kind: type[TeacherError],
                                                               words: str) -> None:
    fake.script.extend([step] * 3)  # content that is refused is asked about in the simpler formats too
    with pytest.raises(kind) as raised:
        OpenAIChat("m", fake.url, "none", 5.0).complete(FULL)
    assert type(raised.value) is kind and words in str(raised.value)
    assert len(fake.requests) == (3 if kind is ContentRefused else 1)


def test_the_option_that_a_provider_behind_a_router_refuses_is_left_out(fake: FakeOpenAI) -> None:
    inner = json.dumps({"error": {"message": "temperature is deprecated for this model"}})
    fake.script.append(body(400, {"error": {"message": "Provider returned error", "metadata": {"raw": inner}}}))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    assert chat.complete(FULL).text and chat.capabilities.refused == {"temperature": ""}


@pytest.mark.parametrize("headers", [
    {"x-ratelimit-reset": "1796083200000", "x-ratelimit-remaining": "0"},
    {"x-ratelimit-reset": "1796083200", "x-ratelimit-remaining": "0"},
    {"anthropic-ratelimit-tokens-reset": "2026-12-01T00:00:00Z", "anthropic-ratelimit-tokens-remaining": "0"}])
def test_a_reset_that_is_stated_as_a_moment_is_waited_for(headers: dict[str, str]) -> None:
    now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert retry_after_seconds(headers, now) == pytest.approx(60.0)


def test_a_router_that_quotes_headers_in_its_body_says_how_long_to_wait(fake: FakeOpenAI) -> None:
    quoted = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "90000"}
    fake.script.append(body(429, {"error": {"message": "free-models-per-day", "metadata": {"headers": quoted}}}))
    with pytest.raises(RateLimited) as raised:
        OpenAIChat("m", fake.url, "none", 5.0).complete(FULL)
    assert raised.value.wait_seconds == 90000


@pytest.mark.parametrize("reason", ["content_filter: RECITATION", "SAFETY", "sensitive", "refusal", "content_filter"])
def test_a_reply_that_a_filter_ended_is_refused_content(fake: FakeOpenAI, reason: str) -> None:
    fake.script.append(body(200, {"choices": [{"finish_reason": reason, "message": {"role": "assistant"}}]}))
    with pytest.raises(ContentRefused):
        usable_text(OpenAIChat("m", fake.url, "none", 5.0).complete(FULL))


def test_half_a_reply_that_ended_in_an_error_is_not_used(fake: FakeOpenAI) -> None:
    fake.script.append(body(200, {"choices": [{"finish_reason": "error", "message": {"content": "The valve op"}}]}))
    with pytest.raises(UnreadableReply, match=r"ended in an error of the server \('The valve op'\)"):
        usable_text(OpenAIChat("m", fake.url, "none", 5.0).complete(FULL))


@pytest.mark.parametrize("text", [
    '\ufeff{"choices": [{"message": {"content": "27"}}]}',
    '{"choices": [{"message": {"content": "27"}}], "x": "a\nb"}'])
def test_a_body_that_is_nearly_json_is_read(fake: FakeOpenAI, text: str) -> None:
    fake.script.append(send(text))
    assert OpenAIChat("m", fake.url, "none", 5.0).complete(FULL).text == "27"


def test_token_counts_as_text_or_with_a_point_are_counts(fake: FakeOpenAI) -> None:
    fake.script.append(body(200, {"choices": [{"message": {"content": "27"}}],
                                  "usage": {"prompt_tokens": "12", "completion_tokens": 3.0}}))
    reply = OpenAIChat("m", fake.url, "none", 5.0).complete(FULL)
    assert (reply.prompt_tokens, reply.completion_tokens) == (12, 3)


@pytest.mark.parametrize(("message", "room"), [
    ("This model's maximum context length is 1024 tokens. However, you requested 1000 output tokens and your prompt "
     "contains at least 300 input tokens, for a total of at least 1300 tokens.", 724),
    ("'max_tokens' is too large: 1000. This model's maximum context length is 1024 tokens and your request has 300 "
     "input tokens (1000 > 1024 - 300).", 724),
    ("maximum context length is 8,192 tokens. However, you requested 8,500 tokens (7,500 in the messages, 1,000 in the "
     "completion).", 692),
    ("`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1500 `inputs` tokens and 1000 `max_new_tokens`", 548),
    ("maximum context length is 1024 tokens, your prompt contains 900 input tokens", None),
    ("the request exceeds the available context size", None)])
def test_a_prompt_that_fits_with_a_shorter_reply_is_asked_with_one(fake: FakeOpenAI, message: str,
                                                                   room: int | None) -> None:
    assert room_for_reply(message, 1000) == room
    fake.script.append(refuse(400, message))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    if room is None:
        with pytest.raises(ContextTooLong):
            chat.complete(FULL)
    else:
        assert chat.complete(FULL).text and chat.capabilities == EndpointCapabilities()
        assert [asked["max_tokens"] for asked in fake.requests] == [1000, room]


def test_a_reply_that_did_not_come_out_as_json_changes_no_later_call(fake: FakeOpenAI) -> None:
    failed = refuse(400, "Failed to generate JSON. Please adjust your prompt.", code="json_validate_failed")
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    fake.script.append(failed)
    assert chat.complete(FULL).text and chat.capabilities == EndpointCapabilities()
    fake.script.extend([failed] * 3)
    with pytest.raises(RequestRefused, match="Failed to generate JSON"):
        chat.complete(FULL)


def test_a_redirect_is_named_with_where_it_led(fake: FakeOpenAI) -> None:
    """A redirected POST arrives as a GET, which the other side answers with anything but a completion."""
    fake.script.append(lambda handler, asked: handler.send(301, "", {"location": "/login"}))
    with pytest.raises(UnknownModel, match=r"no such page \(redirected to http://127\.0\.0\.1:\d+/login\)"):
        OpenAIChat("m", fake.url, "none", 5.0).complete(FULL)


@pytest.mark.parametrize("key", ["k", "token", "max", "tokens"])
def test_a_short_key_of_a_local_server_hides_no_option(fake: FakeOpenAI, key: str) -> None:
    fake.script.append(refuse(400, f"Unsupported parameter: max_tokens. Your key is {key}."))
    seen: list[RefusedOption] = []
    chat = OpenAIChat("gpt-4o-mini", fake.url, key, 5.0, on_refused=seen.append)
    assert chat.complete(FULL).text and chat.capabilities.refused == {"limit": "max_completion_tokens"}
    assert [one.message for one in seen] == ["Unsupported parameter: max_tokens. Your key is [key]."]


@pytest.mark.parametrize(("query", "sent"), [("?api-version=2024-06-01", "sk-a"), ("", None)])
def test_azure_gets_the_key_in_its_own_header_too(fake: FakeOpenAI, query: str, sent: str | None) -> None:
    OpenAIChat("gpt-4o-mini", fake.url + query, "sk-a", 5.0).complete(FULL)
    assert fake.requests[-1]["_headers"].get("api-key") == sent
    assert fake.requests[-1]["_headers"]["authorization"] == "Bearer sk-a"
