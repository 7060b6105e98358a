"""Endpoints that refuse an option without naming it: found out in few calls, none of which is paid for nothing."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runner.llm.capabilities import EndpointCapabilities, RefusedOption
from runner.llm.errors import RequestRefused
from runner.llm.openai_client import OpenAIChat
from runner.llm.option_search import OptionSearch, Refusal
from tests.runner.fake_openai import FakeOpenAI, Step, answer, refuse, send
from tests.runner.fake_teachers import REQUEST

FULL = dataclasses.replace(REQUEST, top_p=0.9, reasoning_effort="low")
IS_SENT: dict[str, Callable[[dict[str, Any]], bool]] = {
    "seed": lambda body: "seed" in body, "temperature": lambda body: "temperature" in body,
    "top_p": lambda body: "top_p" in body, "reasoning_effort": lambda body: "reasoning_effort" in body,
    "limit": lambda body: "max_tokens" in body,
    "response_format": lambda body: (body.get("response_format") or {}).get("type") == "json_schema",
    "system role": lambda body: body["messages"][0]["role"] == "system"}
"""Option -> whether a request has it in the form that is sent first."""
INSTEAD = {"limit": "max_completion_tokens", "response_format": "json_object"}
BAD = json.dumps({"error": {"message": "Bad request"}})
MOST_CALLS = 10
"""The most calls of one request: all options, then each given up, format and limit in two steps."""


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(words=lambda body: "fine") as server:
        yield server


def silent(*options: str, text: str = BAD, status: int = 400) -> Step:
    """A server that refuses some options, and does not say which."""
    def step(handler: Any, body: dict[str, Any]) -> None:
        handler.fake.script.appendleft(step)
        if any(IS_SENT[option](body) for option in options):
            handler.send(status, text)
        else:
            answer(handler, body)
    return step


def calls_until_known(chat: OpenAIChat, fake: FakeOpenAI) -> list[int]:
    """How many calls each request takes, until one is accepted at once."""
    taken: list[int] = []
    while not taken or taken[-1] > 1:
        before = len(fake.requests)
        assert chat.complete(FULL).text == "fine"
        taken.append(len(fake.requests) - before)
    return taken


@pytest.mark.parametrize("options", [*itertools.combinations(IS_SENT, 1), *itertools.combinations(IS_SENT, 2),
                                     ("seed", "limit", "system role"), tuple(IS_SENT)])
def test_the_options_that_a_server_refuses_in_silence_are_found_and_no_others(fake: FakeOpenAI,
                                                                              options: tuple[str, ...]) -> None:
    fake.script.append(silent(*options))
    found: list[RefusedOption] = []
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0, on_refused=found.append)
    taken = calls_until_known(chat, fake)
    assert chat.capabilities.refused == {option: INSTEAD.get(option, "") for option in options}
    assert sorted(one.option for one in found) == sorted(options) and {one.message for one in found} == {"Bad request"}
    assert taken[0] <= 3 and max(taken) <= MOST_CALLS and len(taken) == len(options) + 2


@pytest.mark.parametrize(("text", "status"), [
    ("", 400), ("{}", 400), ("null", 400), ("Bad Request", 400), ('{"error": {}}', 400), ('{"error": null}', 400),
    ('{"error": {"message": "", "code": 400}}', 400), ('{"detail": []}', 422), ('{"detail": "Unprocessable"}', 422),
    ("<html><body><h1>400 Bad Request</h1></body></html>", 400),
    ('{"error": {"code": 400, "message": "Request contains an invalid argument.", "status": "INVALID_ARGUMENT"}}', 400),
    ('{"type": "error", "error": {"type": "invalid_request_error", "message": "Error"}}', 400),
    ('{"error": {"code": 400, "message": "Bad request"}}', 200)])
def test_every_form_of_saying_nothing_is_searched(fake: FakeOpenAI, text: str, status: int) -> None:
    fake.script.append(silent("seed", text=text, status=status))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    calls_until_known(chat, fake)
    assert chat.capabilities.refused == {"seed": ""}


def test_where_the_bare_request_is_refused_too_the_endpoints_words_are_told(fake: FakeOpenAI) -> None:
    for _ in range(3):
        fake.script.extend([refuse(400, "Bad request"), refuse(400, "Bad request"), refuse(400, "tenant 7 is asleep")])
        chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
        with pytest.raises(RequestRefused, match=r"tenant 7 is asleep.*the first refusal: Bad request"):
            chat.complete(FULL)
        assert chat.capabilities == EndpointCapabilities()
    assert len(fake.requests) == 9 and set(fake.requests[2]) - {"_headers"} == {"model", "messages"}


def test_a_refusal_that_passes_leaves_every_option(fake: FakeOpenAI) -> None:
    fake.script.append(refuse(400, "Bad request"))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    assert [chat.complete(FULL).text, chat.complete(FULL).text] == ["fine", "fine"]
    assert chat.capabilities == EndpointCapabilities() and len(fake.requests) == 3
    assert "seed" in fake.requests[-1]


def test_an_option_that_is_named_meanwhile_is_given_up_by_its_name(fake: FakeOpenAI) -> None:
    """The bare request tells what the first refusal did not."""
    def step(handler: Any, body: dict[str, Any]) -> None:
        handler.fake.script.appendleft(step)
        if "temperature" in body:
            handler.refuse(400, "Bad request")
        elif "max_tokens" in body:
            handler.refuse(400, "Unsupported parameter: use 'max_completion_tokens' instead", None, "max_tokens")
        else:
            answer(handler, body)

    fake.script.append(step)
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    calls_until_known(chat, fake)
    assert chat.capabilities.refused == {"temperature": "", "limit": "max_completion_tokens"}


def test_a_larger_token_limit_that_is_refused_in_silence_is_not_left_out(fake: FakeOpenAI) -> None:
    """A reply without any limit may be paid for without end."""
    def small(handler: Any, body: dict[str, Any]) -> None:
        handler.fake.script.appendleft(small)
        (refuse(400, "Bad request") if body.get("max_tokens", 9999) > 100 else answer)(handler, body)

    fake.script.append(small)
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    assert chat.complete(FULL).text == "fine"
    with pytest.raises(RequestRefused, match="Bad request"):
        chat.complete(dataclasses.replace(FULL, max_tokens=800))
    assert all("max_tokens" in body for body in fake.requests) and chat.capabilities == EndpointCapabilities()
    assert chat.complete(FULL).text == "fine"


def test_calls_at_the_same_time_search_once(fake: FakeOpenAI) -> None:
    fake.script.append(silent("seed", "temperature"))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    with ThreadPoolExecutor(4) as pool:
        assert [reply.text for reply in pool.map(chat.complete, [FULL] * 12)] == ["fine"] * 12
    calls_until_known(chat, fake)
    assert chat.capabilities.refused == {"seed": "", "temperature": ""}
    accepted = [body for body in fake.requests if not {"seed", "temperature"} & set(body)]
    assert len(accepted) == 13  # every accepted call is the reply to a request: none is paid for the search alone
    assert len(fake.requests) <= 13 + 12 + 4 * MOST_CALLS


def test_content_that_is_refused_once_does_not_simplify_later_calls(fake: FakeOpenAI) -> None:
    fake.script.append(refuse(400, "blocked by the content policy"))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0)
    assert chat.complete(FULL).text == "fine" and chat.capabilities == EndpointCapabilities()


def test_a_plain_request_that_is_refused_is_not_made_again_as_it_was(fake: FakeOpenAI) -> None:
    plain = dataclasses.replace(REQUEST, schema={}, system="")
    fake.script.extend([send(BAD, status=400)] * 9)
    with pytest.raises(RequestRefused, match="Bad request"):
        OpenAIChat("gpt-4o-mini", fake.url, "none", 5.0).complete(plain)
    bodies = [{name: body[name] for name in set(body) - {"_headers"}} for body in fake.requests]
    assert len(bodies) == 3 and all(one != other for one, other in itertools.combinations(bodies, 2))


def test_a_batch_is_sent_again_without_options_and_then_bare() -> None:
    """Each try may take a day, so that options are not given up one by one."""
    found: list[RefusedOption] = []
    said = Refusal("Bad request", status=400)
    once = OptionSearch("m", "http://a/v1", on_refused=found.append)
    assert once.learn_from(FULL, [said]) is None
    assert set(once.capabilities.options(FULL)) == {"max_tokens"} and once.capabilities.system_role
    assert {one.message for one in found} == {"Bad request"}
    twice = OptionSearch("m", "http://a/v1")
    assert twice.learn_from(FULL, [said, said]) is None
    assert twice.capabilities.options(FULL) == {} and not twice.capabilities.system_role
    assert isinstance(twice.learn_from(FULL, [said, said, said]), RequestRefused)
