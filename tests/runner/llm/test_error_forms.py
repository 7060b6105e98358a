"""Errors in the forms of many servers: their kind, their words, and how long they ask to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.llm.backoff import retry_after_seconds
from runner.llm.error_body import find_error
from runner.llm.errors import (
    ContentRefused, ContextTooLong, EndpointUnavailable, InvalidKey, QuotaExceeded, RateLimited, RequestRefused,
    UnknownModel,
)
from runner.llm.openai_client import OpenAIChat
from runner.llm.openai_errors import FailedCall, translate_error_body
from tests.runner.fake_openai import FakeOpenAI, send
from tests.runner.fake_teachers import REQUEST

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
X = {"message": "x"}
CASES: dict[type[Exception], list[Any]] = {
    InvalidKey: [
        {"error": {"status": 401, **X}}, {"error": {"http_code": 401, **X}}, {"error": {"statusCode": 401, **X}},
        {"statusCode": 401, **X}, {"status": 401, "error": "Unauthorized"}, {"code": "401", "msg": "Unauthorized"},
        {"error": {"error": {"code": 401, **X}}}, {"error": [{"code": 401, **X}]}, {"errors": {"code": 401, **X}},
        {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}], "result": None},
        {"error": json.dumps({"error": {"code": 401, **X}})},
        {"error": {"message": json.dumps({"error": {"code": 401, **X}})}},
        {"error": {"type": "AuthenticationError", **X}}, {"error": {"code": "Unauthorized", **X}},
        {"error": {"code": "InvalidApiKey", "message": "Invalid API-key provided."}},
        {"code": "invalid_token", "message": "token expired"}, {"error": {"message": "认证失败"}}],
    RateLimited: [
        {"error": {"type": "too_many_requests", **X}}, {"error": {"type": "RateLimitError", "message": "slow"}},
        {"error": {"code": "Throttling.RateQuota", "message": "too quick"}},
        {"error": {"message": "ThrottlingException"}},
        {"error": {"status": "RESOURCE_EXHAUSTED", **X}},
        {"error": {"code": 1302, "message": "您当前使用该API的并发数过高"}}],
    QuotaExceeded: [
        {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, {"error": {"code": "Arrearage", **X}},
        {"error": {"message": "You have run out of credits"}}, {"error": {"message": "账户余额不足"}}],
    UnknownModel: [
        {"detail": "model m not found"}, {"error": "model \"m\" not found, try pulling it first"},
        {"object": "error", "message": "no", "type": "NotFoundError"},
        {"error": {"message": "x", "status": "NOT_FOUND"}},
        {"error": {"type": "not_found_error", "message": "model: m"}}, {"error": {"message": "模型不存在"}}],
    ContextTooLong: [
        {"error": {"message": "Requested tokens (5000) exceed context window of 4096", "type": "server_error"}},
        {"error": {"code": "context_length_exceeded", **X}}, {"error": {"message": "ContextWindowExceededError: no"}},
        {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum", "type": "invalid_request_error"}},
        {"error": {"message": "输入超过模型最大长度"}}],
    ContentRefused: [
        {"error": {"code": "content_filter", "message": "filtered"}},
        {"error": {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}},
        {"error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}],
    RequestRefused: [
        {"error": {"status": "INVALID_ARGUMENT", "message": "bad"}}, {"error": {"type": "BadRequestError", **X}},
        {"detail": [{"loc": ["body", "x"], "msg": "bad", "type": "value_error"}]}, {"error": {"code": 422, **X}}],
    EndpointUnavailable: [
        {"error": {"type": "overloaded_error", "message": "Overloaded"}}, {"error": {"message": "CUDA out of memory"}},
        {"status": "error", "message": "worker died"}, {"error": True, "message": "worker died"},
        {"err": "worker died"}, {"error_code": 336100, "error_msg": "try again"}, {"Message": "worker died"},
        {"errorMessage": "worker died", "errorType": "Error"}, {"title": "Bad Gateway", "status": 502, "detail": "x"},
        {"fault": {"faultstring": "worker died"}}, {"choices": [], "error": X},
        {"choices": None, "message": "worker died"},
        {"choices": [{"error": {"message": "x", "code": 502}, "message": {"content": "half"}}]}]}


@pytest.mark.parametrize(("kind", "body"), [(kind, body) for kind, bodies in CASES.items() for body in bodies])
def test_an_error_body_is_of_its_kind_in_whichever_form(kind: type[Exception], body: Any) -> None:
    found = find_error(body)
    assert found
    error = translate_error_body(FailedCall("m", "http://a", found.message, found.code, found.status))
    assert type(error) is kind and found.message in str(error) and "{" not in found.message.replace('{"loc"', "")


@pytest.mark.parametrize("beside", [{"error": None}, {"error": {}}, {"error": ""}, {"message": "ok", "code": 0},
                                    {"detail": "cached"}, {"errors": []}])
def test_a_body_with_a_choice_is_no_error_whatever_else_it_holds(beside: dict[str, Any]) -> None:
    assert find_error({"choices": [{"message": {"content": "27"}}], **beside}) is None


@pytest.mark.parametrize(("status", "kind", "calls"), [
    (300, UnknownModel, 1), (304, UnknownModel, 1), (307, UnknownModel, 1), (406, RequestRefused, 1),
    (411, RequestRefused, 1), (418, RequestRefused, 1), (426, RequestRefused, 1), (431, RequestRefused, 1),
    (451, RequestRefused, 1), (520, EndpointUnavailable, 1), (529, EndpointUnavailable, 1),
    (999, EndpointUnavailable, 1),
    (400, RequestRefused, 3), (422, RequestRefused, 3), (204, EndpointUnavailable, 1), (200, EndpointUnavailable, 1)])
def test_a_status_without_a_word_is_an_error_of_its_kind_after_few_calls(fake: FakeOpenAI, status: int,
                                                                         kind: type[Exception], calls: int) -> None:
    fake.script.extend([send("", status=status)] * 4)
    with pytest.raises(kind) as raised:
        OpenAIChat("m", fake.url, "none", 5.0).complete(REQUEST)
    assert type(raised.value) is kind and len(fake.requests) == calls
    assert str(status) in str(raised.value) or status in (200, 204)


def test_a_redirect_to_another_scheme_is_named_where_nobody_answers(fake: FakeOpenAI) -> None:
    fake.script.append(lambda handler, asked: handler.send(308, "", {"location": "https://127.0.0.1:9/v1?key=a"}))
    with pytest.raises(EndpointUnavailable, match=r"redirected to https://127\.0\.0\.1:9/v1\)"):
        OpenAIChat("m", fake.url, "none", 5.0).complete(REQUEST)


@pytest.mark.parametrize(("seconds", "headers"), [
    (60, {"retry-after": "Mon, 30 Nov 2026 12:01:00 GMT"}), (60, {"retry-after": "Monday, 30-Nov-26 12:01:00 GMT"}),
    (60, {"retry-after": "Mon Nov 30 12:01:00 2026"}), (60, {"retry-after": "2026-11-30T13:01:00+01:00"}),
    (60, {"retry-after": "1796040060"}), (60, {"retry-after": "1m"}), (60, {"retry-after": "60 seconds"}),
    (60, {"retry-after": "60,60"}), (60, {"retry-after": "PT1M"}), (60, {"x-retry-after": "60"}),
    (60, {"x-ms-retry-after-ms": "60000"}), (None, {"retry-after": "nan"}), (None, {"retry-after": "inf"}),
    (None, {"retry-after": "-5"}), (0, {"retry-after": "Mon, 30 Nov 2020 12:01:00 GMT"}),
    (60, {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "60"}),
    (60, {"x-ratelimit-remaining-tokens": "-12", "x-ratelimit-reset-tokens": "1m0s"}),
    (60, {"x-ratelimit-remaining-tokens": "0.0", "x-ratelimit-reset-tokens": "60s"}),
    (60, {"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "60"}),
    (60, {"ratelimit": '"default";r=0;t=60'}), (60, {"ratelimit": "limit=10, remaining=0, reset=60"}),
    (None, {"ratelimit": "limit=10, remaining=3, reset=60"})])
def test_a_wait_is_read_from_whichever_header(seconds: float | None, headers: dict[str, str]) -> None:
    assert retry_after_seconds(headers, NOW) == seconds


@pytest.mark.parametrize(("seconds", "message"), [
    (60, "try again in 1 minute"), (60, "Try again in 60 sec."), (60, "retry in 1m0s"), (60, "Retry-After: 60"),
    (60, "available again in 60 seconds"), (60, "limit resets in 60s"), (60, "rate limit will reset after 60 seconds"),
    (3660, "try again in 1 hour and 1 minute"), (90, "try again in 1.5 min"), (60, "back off for 60s"),
    (60, "请在 60 秒后重试"), (60, "Bitte in 60 Sekunden erneut versuchen"), (60, "réessayez dans 60 secondes"),
    (60, "Quota resets at 2026-11-30T12:01:00Z"), (None, "60 requests per minute"), (None, "3 requests in 60 seconds"),
    (None, "wait"), (None, "try again with 3 models")])
def test_a_wait_is_read_from_the_words(seconds: float | None, message: str) -> None:
    assert retry_after_seconds({}, NOW, message) == seconds
