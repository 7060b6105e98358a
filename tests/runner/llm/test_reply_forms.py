"""Replies in the forms of many servers: parts, calls of functions, streams, reasons for their end, counts of tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.llm.chat import Completion
from runner.llm.errors import ContentRefused, EndpointUnavailable, UnreadableReply
from runner.llm.openai_client import OpenAIChat
from runner.llm.response_parsing import parse_completion
from runner.teacher.reply_parsing import parse_answer
from runner.teacher.usable_text import usable_text
from tests.runner.fake_openai import FakeOpenAI, send
from tests.runner.fake_teachers import REQUEST


def body_of(message: Any, finish: Any = "stop", usage: Any = None, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish, **choice}], "usage": usage}


def parsed(body: Any) -> Completion:
    return parse_completion(body if isinstance(body, str) else json.dumps(body), "http://a")


CHUNKS = [{"choices": [{"delta": {"role": "assistant", "content": ""}}]}, {"choices": [{"delta": {"content": "2"}}]},
          {"choices": [{"delta": {"content": "7"}, "finish_reason": "stop"}]},
          {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}]
STREAM = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n\n"
GOOD = json.dumps(body_of({"content": "27"}))


@pytest.mark.parametrize("message", [
    {"content": [{"type": "text", "text": "2"}, {"type": "text", "text": "7"}]}, {"content": ["2", "7"]},
    {"content": {"type": "text", "text": "27"}}, {"content": [{"type": "text", "text": {"value": "27"}}]},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "27"}]},
    {"content": [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "27"}]},
    {"content": [{"type": "reasoning_text", "text": "hm"}, {"type": "text", "text": "27"}]}, {"content": 27}, "27"])
def test_the_text_is_found_in_whatever_parts_it_comes(message: Any) -> None:
    assert usable_text(parsed(body_of(message))) == "27"


@pytest.mark.parametrize("message", [
    {"content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": '{"answer": "27"}'}}]},
    {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"answer": "27"}}}]},
    {"content": None, "function_call": {"name": "f", "arguments": '{"answer": "27"}'}},
    {"content": None, "parsed": {"answer": "27"}}, {"content": {"answer": "27"}}])
def test_structured_output_in_another_place_is_the_reply(message: Any) -> None:
    assert parse_answer(usable_text(parsed(body_of(message, "tool_calls"))))[0] == "27"


@pytest.mark.parametrize("text", [
    STREAM, STREAM.replace("\n", "\r\n"), f": PROCESSING\n\n: keep-alive\n\n{STREAM}",
    f"event: message\nid: 1\n{STREAM}",
    "\n".join(map(json.dumps, CHUNKS)), f"data: {GOOD}\n\ndata: [DONE]\n", f"  \n\n{GOOD}",
    f": PROCESSING\n\n: PROCESSING\n\n{GOOD}", f"\ufeff{GOOD}", json.dumps(GOOD), f"[{GOOD}]", f'{{"data": {GOOD}}}',
    f'{{"code": 0, "msg": "ok", "result": {GOOD}}}', f'{{"response": {GOOD}, "status": 200}}'])
def test_a_stream_or_a_wrapped_completion_is_read_although_none_was_asked_for(text: str) -> None:
    assert usable_text(parsed(text)) == "27"


def test_a_stream_over_http_brings_text_and_tokens() -> None:
    with FakeOpenAI() as fake:
        fake.script.append(send(STREAM, "text/event-stream"))
        assert OpenAIChat("m", fake.url, "none", 5.0).complete(REQUEST) == Completion("27", "stop", 3, 2)


@pytest.mark.parametrize(("text", "kind", "words"), [
    (STREAM.partition('"7"')[0] + '"7"}}]}\n\n', UnreadableReply, "ended in an error of the server ('27')"),
    (STREAM[:STREAM.index("7")] + "7", EndpointUnavailable, "not with JSON"),
    ('data: {"error": {"message": "boom", "code": 503}}\n\n', EndpointUnavailable, "boom"),
    ("data: [DONE]\n", EndpointUnavailable, "not with JSON"), ("[" * 100_000, EndpointUnavailable, "not with JSON"),
    ('{"type": "message", "content": [{"type": "text", "text": "27"}]}', UnreadableReply, "holds no choice"),
    ('{"message": {"content": "2"}, "done": false}\n{"message": {"content": "7"}, "done": true}', UnreadableReply,
     "holds no choice")])
def test_a_stream_that_breaks_off_is_no_reply(text: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as raised:
        usable_text(parsed(text))
    assert words in str(raised.value)


@pytest.mark.parametrize("finish", [
    "length", "MAX_TOKENS", "max_output_tokens", "model_length", "incomplete", "max_length", "context_length",
    "max_new_tokens", "truncated", "stop_length", "model_context_window_exceeded", "maxTokens", "token_limit"])
def test_a_reply_that_was_cut_off_is_known_by_the_reason_in_any_words(finish: str) -> None:
    assert parsed(body_of({"content": "27"}, finish)).cut_off


@pytest.mark.parametrize("choice", [
    {"stop_reason": "max_tokens"}, {"native_finish_reason": "MAX_TOKENS"}, {"finishReason": "MAX_TOKENS"},
    {"finish_reason": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}])
def test_a_reason_under_another_name_counts(choice: dict[str, Any]) -> None:
    body = {"choices": [{"message": {"content": "27"}, "finish_reason": None, **choice}]}
    assert parsed(body).cut_off


@pytest.mark.parametrize("message", [
    {"content": None, "refusal": "I cannot"}, {"content": [{"type": "refusal", "refusal": "I cannot"}]}])
def test_a_refusal_is_told_in_the_models_words(message: Any) -> None:
    with pytest.raises(ContentRefused, match="I cannot"):
        usable_text(parsed(body_of(message)))


@pytest.mark.parametrize("finish", [
    "content_filter", "content-filter", "contentFilter", "SAFETY", "IMAGE_SAFETY", "RECITATION", "blocked",
    "PROHIBITED_CONTENT", "guardrail_intervened", "policy_violation", "refusal", "moderation_block"])
def test_content_that_was_refused_is_known_by_the_reason_in_any_words(finish: str) -> None:
    with pytest.raises(ContentRefused):
        usable_text(parsed(body_of({"content": "27"}, finish)))


@pytest.mark.parametrize("finish", ["error", "ERROR", "abort", "aborted", "cancelled", "engine_error", "server_error",
                                    "network_error", "failed", "timeout"])
def test_a_reply_that_the_server_broke_off_is_not_used(finish: str) -> None:
    with pytest.raises(UnreadableReply, match="error of the server"):
        usable_text(parsed(body_of({"content": "27 hal"}, finish)))


@pytest.mark.parametrize("finish", ["stop", "end_turn", "eos_token", "STOP", "COMPLETE", "stop_sequence", None,
                                    "tool_calls", "stop_str"])
def test_any_other_reason_leaves_a_whole_reply(finish: Any) -> None:
    assert usable_text(parsed(body_of({"content": "27"}, finish, stop_reason=107))) == "27"


@pytest.mark.parametrize("message", [
    {"content": "", "reasoning": "hm"}, {"content": None, "reasoning_content": "hm"},
    {"content": "", "thinking": "hm"}, {"content": "", "reasoning": ["hm"]},
    {"content": "", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    {"content": "", "reasoning": [{"type": "reasoning.summary", "summary": "hm"}]}])
def test_an_empty_reply_is_told_with_the_reasoning_that_took_its_place(message: Any) -> None:
    with pytest.raises(UnreadableReply, match=r"the reply is empty .*reasoning 'hm'"):
        usable_text(parsed(body_of(message)))


@pytest.mark.parametrize(("usage", "counts"), [
    ({"input_tokens": 3, "output_tokens": 2}, (3, 2, None)), ({"promptTokens": 3, "completionTokens": 2}, (3, 2, None)),
    ({"prompt_eval_count": 3, "eval_count": 2}, (3, 2, None)), ({"prompt_tokens": 3, "total_tokens": 5}, (3, 2, None)),
    ({"prompt_tokens": 3, "completion_tokens": 12, "completion_tokens_details": {"thinking_tokens": 10}}, (3, 12, 10)),
    ({"prompt_tokens": 10, "completion_tokens": 5, "thoughts_token_count": 7, "total_tokens": 22}, (10, 12, 7)),
    ({"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4, "totalTokenCount": 9}, (3, 6, 4)),
    ({"total_tokens": 5}, (None, None, None)), ("none", (None, None, None)), ([1], (None, None, None)),
    ({"prompt_tokens": -1, "completion_tokens": True}, (None, None, None))])
def test_tokens_are_counted_under_whatever_names_and_unknown_stays_unknown(usage: Any, counts: tuple[Any, ...]) -> None:
    found = parsed(body_of({"content": "27"}, usage=usage))
    assert (found.prompt_tokens, found.completion_tokens, found.reasoning_tokens) == counts
