"""One endpoint, well and ill: errors as ours, dialects, and a key that never shows."""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from runner.llm.chat import Completion
from runner.llm.errors import (
    ContextTooLong, EndpointUnavailable, InvalidKey, QuotaExceeded, RateLimited, RequestRefused, UnknownModel,
    UnreadableReply,
)
from runner.llm.json_extraction import extract_json
from runner.llm.openai_client import OpenAIChat
from runner.llm.openai_errors import TRANSLATIONS
from tests.runner.fake_openai import FakeOpenAI, Step, answer, cut_off, hang_up, refuse, say, send, silent
from tests.runner.fake_teachers import KEY, REQUEST


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY) as server:
        server.words = lambda body: "fine"
        yield server


def chat_at(fake: FakeOpenAI, key: str = KEY, model: str = "gpt-4o-mini", reply_seconds: float = 120.0) -> OpenAIChat:
    return OpenAIChat(model, fake.url, key, reply_seconds)


# --- one call --------------------------------------------------------------------------------------------

def test_a_call_sends_the_request_and_brings_words_and_tokens(fake: FakeOpenAI) -> None:
    assert chat_at(fake).complete(REQUEST) == Completion("fine", "stop", 100, 20)
    (body,) = fake.requests
    assert [message["content"] for message in body["messages"]] == ["s", "u"]
    assert (body["model"], body["temperature"], body["seed"], body["max_tokens"]) == ("gpt-4o-mini", 0.7, 5, 100)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_the_map_knows_every_public_exception_of_the_library() -> None:
    public = {name for name, value in vars(openai).items()
              if inspect.isclass(value) and issubclass(value, Exception) and not name.startswith("_")}
    assert len(public) > 15
    assert public <= set(TRANSLATIONS)


@pytest.mark.parametrize(("step", "kind", "words"), [
    (refuse(401, "Incorrect API key", "invalid_api_key"), InvalidKey, "OPENAI_API_KEY"),
    (refuse(403, "no access"), InvalidKey, "gpt-4o-mini"),
    (refuse(404, "The model does not exist", "model_not_found"), UnknownModel, "gpt-4o-mini"),
    (refuse(429, "slow down", headers={"retry-after": "7"}), RateLimited, "7 s"),
    (refuse(429, "You exceeded your current quota", "insufficient_quota"), QuotaExceeded, "credit"),
    (refuse(402, "Payment required"), QuotaExceeded, "credit"),
    (refuse(400, "This model's maximum context length is 4096", "context_length_exceeded"), ContextTooLong, "context"),
    (refuse(413, "too big"), ContextTooLong, "passages"),
    (refuse(500, "oops"), EndpointUnavailable, "oops"), (refuse(503, "overloaded"), EndpointUnavailable, "overloaded"),
    (refuse(408, "late"), EndpointUnavailable, "late"), (refuse(409, "conflict"), EndpointUnavailable, "conflict"),
    (send("<html>welcome</html>", "text/html"), EndpointUnavailable, "/v1"),
    (send("{not json"), EndpointUnavailable, "/v1"),
    (send("{}"), UnreadableReply, "choice"), (cut_off, EndpointUnavailable, "network"),
    (hang_up, EndpointUnavailable, "network"),
])
def test_each_way_of_failing_is_an_error_of_its_own(fake: FakeOpenAI, step: Step, kind: type, words: str) -> None:
    fake.script.append(step)
    with pytest.raises(kind, match=words) as raised:
        chat_at(fake).complete(REQUEST)
    assert type(raised.value) is kind
    assert len(fake.requests) == 1  # the library's own retries are off


def test_a_wait_that_the_server_asks_for_comes_with_the_error(fake: FakeOpenAI) -> None:
    fake.script.append(refuse(429, "slow", headers={"retry-after-ms": "1500"}))
    with pytest.raises(RateLimited) as raised:
        chat_at(fake).complete(REQUEST)
    assert raised.value.wait_seconds == 1.5


def test_a_slow_endpoint_is_down_after_the_time_out(fake: FakeOpenAI) -> None:
    fake.script.append(silent)
    with pytest.raises(EndpointUnavailable, match="timed out"):
        chat_at(fake, reply_seconds=0.2).complete(REQUEST)


def test_nobody_at_the_address_is_an_endpoint_that_is_down() -> None:
    with pytest.raises(EndpointUnavailable, match="127.0.0.1:9"):
        OpenAIChat("m", "http://127.0.0.1:9/v1", KEY).complete(REQUEST)


# --- dialects --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("forms", "calls"), [(("json_object", "text"), 2), (("text",), 3)])
def test_an_endpoint_without_schemas_is_asked_more_simply_and_this_is_remembered(forms: tuple[str, ...],
                                                                                 calls: int) -> None:
    with FakeOpenAI(forms=forms, words=lambda body: "fine") as fake:
        chat = chat_at(fake)
        assert chat.complete(REQUEST).text == "fine"
        assert len(fake.requests) == calls
        chat.complete(REQUEST)
        assert len(fake.requests) == calls + 1


def test_a_request_that_no_dialect_makes_welcome_is_refused_and_the_dialect_stays(fake: FakeOpenAI) -> None:
    fake.script.extend([refuse(400, "policy")] * 3)
    chat = chat_at(fake)
    with pytest.raises(RequestRefused, match="policy"):
        chat.complete(REQUEST)
    assert chat.capabilities.response_format == "json_schema"


def test_a_newer_model_gets_its_own_name_of_the_token_limit(fake: FakeOpenAI) -> None:
    fake.script.append(refuse(400, "Unsupported parameter: use 'max_completion_tokens' instead", None, "max_tokens"))
    chat_at(fake).complete(REQUEST)
    assert fake.requests[1]["max_completion_tokens"] == 100
    assert fake.requests[1]["response_format"]["type"] == "json_schema"


# --- the key ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key", ["sk-wrong-abcdef123456", "hunter2hunter2"])
def test_the_key_is_in_no_error_no_trace_and_no_log(fake: FakeOpenAI, key: str,
                                                    caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InvalidKey) as raised:
        chat_at(fake, key=key).complete(REQUEST)
    error: BaseException = raised.value
    assert key not in "".join(traceback.format_exception(raised.value)) + caplog.text
    assert error.__cause__ is None and error.__context__ is None  # the library's exception holds the request


# --- options that an endpoint refuses --------------------------------------------------------------------

FULL = dataclasses.replace(REQUEST, top_p=0.9, reasoning_effort="low")


def refusing(option: str, message: str, param: str | None = None, status: int = 400, wrap: str = "object") -> Step:
    """A server that does not know an option, and states it in its own way."""
    def step(handler: Any, body: dict[str, Any]) -> None:
        handler.fake.script.appendleft(step)
        if not (body["messages"][0]["role"] == "system" if option == "system" else option in body):
            answer(handler, body)
            return
        error = {"message": message, "param": param, "code": status}
        found: Any = {"object": {"error": error}, "list": [{"error": error}], "detail": {"detail": message},
                      "fastapi": {"detail": [{"type": "extra_forbidden", "loc": ["body", option], "msg": message}]},
                      "bare": {"object": "error", **error}, "text": {"error": message}}[wrap]
        handler.send(status, json.dumps(found))
    return step


@pytest.mark.parametrize("wrap", ["object", "list", "detail", "bare", "text"])
@pytest.mark.parametrize(("option", "message"), [
    ("seed", 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'),
    ("seed", "Unrecognized request argument supplied: seed"),
    ("temperature", "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1)."),
    ("top_p", "`temperature` and `top_p` cannot both be specified for this model."),
    ("top_p", "parameter “top_p” is not available"),
    ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ("max_tokens", "Unknown parameter: `max_tokens`"),
    ("response_format", "This response_format type is unavailable now"),
    ("response_format", "guided decoding is not enabled on this server"),
    ("reasoning_effort", 'property "reasoning_effort" is unsupported'),
    ("system", "System role not supported"), ("system", "Developer instruction is not enabled for models/gemma"),
    ("system", "Conversation roles must alternate user/assistant/user/assistant/..."),
    ("system", "Only user and assistant roles are supported!"),
    ("system", "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
])
def test_the_option_that_a_refusal_names_is_given_up_and_no_other(fake: FakeOpenAI, option: str, message: str,
                                                                  wrap: str) -> None:
    fake.script.append(refusing(option, message, wrap=wrap))
    chat = chat_at(fake)
    assert chat.complete(FULL).text == "fine"
    last = fake.requests[-1]
    expected = {"seed", "temperature", "top_p", "reasoning_effort", "response_format"} - {option}
    assert expected - set(last) <= ({"temperature"} if option == "top_p" else set())
    assert ("max_completion_tokens" if option == "max_tokens" else "max_tokens") in last
    calls = len(fake.requests)
    chat.complete(FULL)
    assert len(fake.requests) == calls + 1  # remembered


@pytest.mark.parametrize(("wrap", "status"), [("fastapi", 422), ("detail", 500), ("list", 501), ("object", 404)])
def test_options_are_recognised_whatever_the_status(fake: FakeOpenAI, wrap: str, status: int) -> None:
    fake.script.append(refusing("seed", "Extra inputs are not permitted: 'seed'", status=status, wrap=wrap))
    assert chat_at(fake).complete(REQUEST).text == "fine"
    assert "seed" not in fake.requests[-1] and "response_format" in fake.requests[-1] and len(fake.requests) == 2


def test_several_options_are_given_up_one_after_the_other(fake: FakeOpenAI) -> None:
    fake.script.extend([refuse(400, "unknown field seed"), refuse(400, "System role not supported"),
                        refuse(400, 'unknown "temperature"')])
    assert chat_at(fake).complete(REQUEST).text == "fine"
    last = fake.requests[-1]
    assert not {"seed", "temperature"} & set(last) and last["response_format"]["type"] == "json_schema"
    assert last["messages"] == [{"role": "user", "content": "s\n\nu"}]


@pytest.mark.parametrize("message", ["max_tokens is too large: 100. This model supports at most 64 completion tokens",
                                     "max_tokens: 100 > 64, which is the maximum allowed",
                                     "Range of max_tokens should be [1, 64]"])
def test_a_token_limit_that_is_too_large_becomes_the_largest_allowed(fake: FakeOpenAI, message: str) -> None:
    fake.script.append(refuse(400, message))
    chat_at(fake).complete(REQUEST)
    assert fake.requests[-1]["max_tokens"] == 64


@pytest.mark.parametrize("message", ["failed to compile grammar: unsupported schema", "json_schema: no such backend",
                                     "Structured output is not supported by this engine"])
def test_a_server_error_about_the_response_format_gives_the_format_up(fake: FakeOpenAI, message: str) -> None:
    fake.script.append(refuse(500, message))
    assert chat_at(fake).complete(REQUEST).text == "fine"
    assert [body["response_format"]["type"] for body in fake.requests] == ["json_schema", "json_object"]


def test_server_errors_that_name_nothing_end_with_a_simpler_format(fake: FakeOpenAI) -> None:
    fake.script.append(refusing("response_format", "Internal Server Error", status=500))
    chat = chat_at(fake)
    for _ in range(3):
        with pytest.raises(EndpointUnavailable):
            chat.complete(REQUEST)
    assert chat.complete(REQUEST).text == "fine"
    assert [bool("response_format" in body) for body in fake.requests] == [True, True, True, False]


def test_the_first_refusal_stands_in_the_error(fake: FakeOpenAI) -> None:
    fake.script.extend([refuse(400, "the true reason"), refuse(400, "another"), refuse(400, "a third")])
    with pytest.raises(RequestRefused, match=r"a third.*first refusal: the true reason"):
        chat_at(fake).complete(REQUEST)


# --- errors that come with HTTP 200 ----------------------------------------------------------------------

@pytest.mark.parametrize(("body", "kind"), [
    ({"error": {"code": 401, "message": "no auth"}}, InvalidKey),
    ({"error": {"code": "402", "message": "x"}}, QuotaExceeded),
    ({"error": {"code": 403, "message": "x"}}, InvalidKey), ({"error": {"code": 404, "message": "x"}}, UnknownModel),
    ({"error": {"code": 429, "message": "x"}}, RateLimited),
    ({"error": {"code": 503, "message": "x"}}, EndpointUnavailable),
    ({"error": {"code": "invalid_api_key", "message": "x"}}, InvalidKey),
    ({"error": {"code": "insufficient_quota", "message": "x"}}, QuotaExceeded),
    ({"error": {"type": "rate_limit_error", "message": "x"}}, RateLimited),
    ({"error": "model 'm' not found"}, UnknownModel), ([{"error": {"code": 401, "message": "x"}}], InvalidKey),
    ({"object": "error", "message": "x", "code": 404}, UnknownModel),
    ({"error": {"message": "busy"}}, EndpointUnavailable),
    ({"choices": [{"error": {"code": 429, "message": "x"}, "message": {}}]}, RateLimited),
    ({"error": {"code": 400, "message": "maximum context length is 4096"}, "choices": None}, ContextTooLong),
])
def test_an_error_that_comes_with_200_is_handled_by_its_own_code(fake: FakeOpenAI, body: Any, kind: type) -> None:
    fake.script.append(send(json.dumps(body)))
    with pytest.raises(kind) as raised:
        chat_at(fake).complete(REQUEST)
    assert type(raised.value) is kind and len(fake.requests) == 1


def test_an_option_refused_with_200_is_given_up_and_the_key_is_hidden(fake: FakeOpenAI) -> None:
    fake.script.append(send(json.dumps({"error": {"code": 400, "message": 'unknown "seed"'}})))
    assert chat_at(fake).complete(REQUEST).text == "fine"
    fake.script.append(send(json.dumps({"error": {"code": 401, "message": f"key {KEY} is wrong"}})))
    with pytest.raises(InvalidKey) as raised:
        chat_at(fake).complete(REQUEST)
    assert KEY not in str(raised.value)


# --- what cannot be stored, and long waits ---------------------------------------------------------------

@pytest.mark.parametrize(("text", "stored"), [("a \ud83d b", "a \ufffd b"), ("\udc00", "\ufffd"), ("a\0b", "a\ufffdb"),
                                              ("\ud83d\ude00", "\U0001f600"), ("plain", "plain")])
def test_characters_that_cannot_be_stored_are_replaced_on_arrival(fake: FakeOpenAI, text: str, stored: str) -> None:
    fake.script.append(say(text))
    assert chat_at(fake).complete(REQUEST).text == stored
    assert extract_json(json.dumps({"answer": text})) == {"answer": stored}


@pytest.mark.parametrize("after", ["86400", "7200", "99999999999999"])
def test_a_wait_that_the_server_asks_for_names_its_end(fake: FakeOpenAI, after: str) -> None:
    fake.script.append(refuse(429, "daily limit", headers={"retry-after": after}))
    with pytest.raises(RateLimited, match=r"(until \d{4}-\d\d-\d\d|for \d+ days).*daily limit") as raised:
        chat_at(fake).complete(REQUEST)
    assert raised.value.wait_seconds == float(after)
