"""One endpoint, well and ill: errors as ours, dialects, and a key that never shows."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Iterator

import openai
import pytest

from runner.llm.chat import Completion
from runner.llm.errors import (
    ContextTooLong, EndpointUnavailable, InvalidKey, QuotaExceeded, RateLimited, RequestRefused, UnknownModel,
    UnreadableReply,
)
from runner.llm.openai_client import OpenAIChat
from runner.llm.openai_errors import TRANSLATIONS
from tests.runner.fake_openai import FakeOpenAI, Step, cut_off, hang_up, refuse, send, slow
from tests.runner.fake_teachers import KEY, REQUEST


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY) as server:
        server.words = lambda body: "fine"
        yield server


def chat_at(fake: FakeOpenAI, key: str = KEY, model: str = "gpt-4o-mini", reply_seconds: float = 5.0) -> OpenAIChat:
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
    fake.script.append(slow(1.0))
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
