"""The teacher's way to speak to a server: waits, dialects, bodies, prices, the key."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.passages import Passage
from runner.llm.backoff import backoff, parse_duration, rate_limit_reset_seconds, retry_after_seconds
from runner.llm.capabilities import EndpointCapabilities
from runner.llm.credentials import OPENAI_ADDRESS, key_for
from runner.llm.redaction import NO_KEY
from runner.llm.redaction import redact, redact_url
from runner.llm.errors import EndpointUnavailable, InvalidKey, MissingKey, UnreadableReply
from runner.llm.response_parsing import parse_completion
from runner.teacher.reply_parsing import Draft
from store.costs.prices import cost_usd
from tests.runner.fake_teachers import REQUEST

PASSAGE = Passage("p", "probes", "notes", "Default timing", "A probe runs every 10 seconds unless periodSeconds says "
                  "otherwise. By default failureThreshold is 3.", "https://x", ("10 seconds",), ())
DRAFT = Draft("How often does a probe run?", "P1", "every 10 seconds")
OBJECT = '{"passage": "P1", "question": "How often does a probe run?", "evidence": "every 10 seconds"}'


# --- waits -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "seconds"), [("20ms", 0.02), ("1.5s", 1.5), ("6m0s", 360), ("1h2m", 3720), ("7", 7),
                                               ("", None), ("soon", None), ("-1", None), ("1 s", None)])
def test_durations_are_read_as_servers_write_them(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(("headers", "seconds"), [
    ({"retry-after": "3"}, 3), ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
    ({"retry-after": "Wed, 01 Jan 2025 00:01:00 GMT"}, 60), ({"retry-after": "Wed, 01 Jan 2020 00:01:00 GMT"}, 0),
    ({"retry-after": "whenever"}, None), ({}, None),
    ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12s"}, 12),
    ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "12s"}, None),
])
def test_the_wait_that_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, datetime(2025, 1, 1, tzinfo=UTC)) == seconds


def test_the_longer_of_two_used_up_limits_counts() -> None:
    assert rate_limit_reset_seconds({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s",
                                     "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2s"}) == 2


def test_backoff_doubles_up_to_its_bound_and_is_never_in_step() -> None:
    chance = random.Random(1)
    waits = [backoff(attempt, 1, 8, chance) for attempt in range(6)]
    assert all(ceiling / 2 <= wait <= ceiling for wait, ceiling in zip(waits, [1, 2, 4, 8, 8, 8], strict=True))
    assert backoff(10_000, 1, 8, chance) <= 8


# --- dialects, wire, prices ------------------------------------------------------------------------------

def test_a_dialect_gives_up_the_form_step_by_step_and_then_nothing_is_left() -> None:
    first = EndpointCapabilities()
    assert first.refused_option("response_format is not supported") == "response_format"
    second = first.without_option("response_format")
    third = second.without_option("response_format") if second else None
    assert [d.response_format for d in (first, second, third) if d] == ["json_schema", "json_object", "text"]
    assert third and third.without_option("response_format") is None
    assert "response_format" not in third.options(REQUEST)


def test_a_dialect_gives_up_what_the_complaint_is_about() -> None:
    words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    assert EndpointCapabilities().refused_option(words) == "limit"
    newer = EndpointCapabilities().without_option("limit", words, 100)
    assert newer and newer.options(REQUEST)["max_completion_tokens"] == 100
    assert newer.refused_option("temperature does not support 0.7 with this model") == "temperature"
    plain = newer.without_option("temperature")
    assert plain and plain.response_format == "json_schema"
    assert "temperature" not in plain.options(REQUEST)


def test_a_completion_is_read_with_parts_left_out() -> None:
    body = '{"choices": [{"message": {"content": [{"text": "a"}, {"text": "b"}]}}], "usage": null}'
    completion = parse_completion(body, "x")
    assert (completion.text, completion.finish, completion.prompt_tokens) == ("ab", "stop", None)


@pytest.mark.parametrize(("body", "kind"),
                         [("<html>", EndpointUnavailable), ('{"error": {"message": "busy"}}', EndpointUnavailable),
                          ("{}", UnreadableReply), ('{"choices": []}', UnreadableReply),
                          ("[]", UnreadableReply), ('{"choices": [null]}', UnreadableReply)])
def test_a_body_without_a_completion_is_an_error(body: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        parse_completion(body, "http://x")


def test_a_million_tokens_cost_what_the_list_says_and_an_unknown_model_nothing_known() -> None:
    assert cost_usd("gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(0.75)
    assert cost_usd("gpt-4o-mini-2024-07-18", 1_000_000, 0) == pytest.approx(0.15)
    assert cost_usd("gpt-4o", 1, 1) is None


# --- the key ---------------------------------------------------------------------------------------------

def test_the_environment_comes_before_the_file_and_the_file_changes_nothing(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=sk-from-file\n")
    assert key_for(OPENAI_ADDRESS, {}, dotenv) == "sk-from-file"
    assert key_for(OPENAI_ADDRESS, {"OPENAI_API_KEY": " sk-env \n"}, dotenv) == "sk-env"


def test_only_the_openai_api_must_have_a_key(tmp_path: Path) -> None:
    with pytest.raises(MissingKey, match="OPENAI_API_KEY"):
        key_for(OPENAI_ADDRESS, {}, tmp_path / ".env")
    assert key_for("http://localhost:11434/v1", {}, tmp_path / ".env") == NO_KEY


def test_a_key_that_cannot_be_one_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey) as raised:
        key_for(OPENAI_ADDRESS, {"OPENAI_API_KEY": "my sécret"}, tmp_path / ".env")
    assert "cret" not in str(raised.value)


def test_the_key_and_whatever_looks_like_one_are_hidden() -> None:
    assert redact("bad key hunter2 or sk-proj-abc***xyz", "hunter2") == "bad key [key] or [key]"
    assert redact_url("https://me:word@host:1/v1?token=3") == "https://host:1/v1"
