"""Translate every public exception of the openai library to one of ours, by class name and the server's message.

Works on class names and plain values, so that `openai_client` alone imports the library.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.llm.backoff import until_text
from runner.llm.errors import (
    ContentRefused, ContextTooLong, EndpointUnavailable, InvalidKey, QuotaExceeded, RateLimited,
    RequestRefused, TeacherError, UnknownModel, UnreadableReply,
)
from runner.llm.http_proxy import proxy_for

_BUDGET = re.compile(r"insufficient_quota|billing|insufficient[_ ](?:funds|credit|balance)|"
                     r"exceeded your current quota|budget[_ ](?:has been )?exceeded|spend(?:ing)?[_ ]limit|"
                     r"(?:any|no|more|enough|out of) credits?\b|payment required|arrear|余额不足|欠费", re.I)
_RATE = re.compile(r"rate[_ ]?limit|too[_ ]many[_ ]requests|resource_exhausted|throttl|并发|限流|频率|"
                   r"per (?:second|minute|hour|day)", re.I)
_CONTEXT = re.compile(r"context[_ ]?(?:length|window|size)|maximum context|too many tokens|prompt is too long|"
                      r"exceeds? the (?:available )?context|input is too long|input token count|"
                      r"inputs\W+tokens\W+max_new_tokens|reduce the length of (?:the|your) (?:messages|prompt|input)|"
                      r"上下文长度|超过.{0,10}最大长度",
                      re.I)
_MODEL = re.compile(
    r"model_not_found|deployment_?not_?found|deployment for this resource does not exist|"
    r"\bmodel\b.{0,80}(?:not found|not_found|does not exist|not exist|unknown|invalid|not (?:a )?valid|not loaded|"
    r"not available|no longer (?:available|supported)|not supported by any|decommissioned|deprecated|retired|"
    r"discontinued|been removed|shut down)|"
    r"(?:unknown|invalid|no such|unavailable|unrecognized|unsupported) model|not a valid model|"
    r"no models? (?:is )?loaded|(?:unable|failed|could not|cannot)(?: to)? (?:access|load|find)(?: the)? model|"
    r"pinned to|模型不存在", re.I)
_CONTENT = re.compile(r"content[_ ](?:filter|policy|management|exists risk)|policy|safety|moderation|flagged|harm|"
                      r"inappropriate|prohibited|blocked|violat|data_inspection|敏感|不安全|违规", re.I)
_FLAGGED = re.compile(r"content[_ ](?:filter|policy|management|violates)|moderation|flagged|safety_check|"
                      r"usage (?:guidelines|polic)|inappropriate content|data_inspection|敏感|不安全|违规", re.I)
"""Of a refusal for lack of permission, or with HTTP 200: it is about the content."""
_KEY = re.compile(r"invalid_(?:api_key|token)|(?:incorrect|invalid|missing|no) (?:api[- ]key|authorization)|"
                  r"api key (?:is )?(?:not valid|expired|missing|required)|unauthenticated|unauthorized|"
                  r"authentication[_ ](?:error|fail)|authorization header|login fail|鉴权|认证失败|无效的令牌", re.I)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ADDRESS = re.compile(r"unexpected endpoint|no such (?:route|endpoint|page)|(?:route|page|path|url) not found", re.I)


@dataclass(frozen=True)
class FailedCall:
    """What is known about a failed call; `message` is the server's own text with the key redacted."""

    model: str
    address: str
    message: str
    code: str = ""
    status: int | None = None
    wait_seconds: float | None = None

    def mentions(self, pattern: re.Pattern[str]) -> bool:
        said = f"{self.code} {self.message}"
        return bool(pattern.search(said) or pattern.search(_CAMEL.sub("_", said)))  # NotFoundError: not_found_error


def translate_error(class_names: list[str], facts: FailedCall) -> TeacherError:
    """Our error for an exception, given its class name and those of its ancestors, nearest first."""
    for name in class_names:
        if name in TRANSLATIONS:
            return TRANSLATIONS[name](facts)
    return EndpointUnavailable(f"{facts.address} could not be asked: {facts.message}")


def translate_error_body(facts: FailedCall) -> TeacherError:
    """Our error for an error that came with HTTP 200: by the status that it states, else by its code and message."""
    if facts.status is not None:
        return _by_status(facts)
    for pattern, translate in _BY_TEXT:
        if facts.mentions(pattern):
            return translate(facts)
    return EndpointUnavailable(f"{facts.address} reports an error ({facts.message}): try later")


def _wrong_key(facts: FailedCall) -> TeacherError:
    return InvalidKey(f"{facts.address} refuses the API key ({facts.message}): "
                      "set OPENAI_API_KEY, in the environment or in .env, to a key that is valid there")


def _not_permitted(facts: FailedCall) -> TeacherError:
    if facts.mentions(_BUDGET):
        return _quota_exceeded(facts)
    if facts.mentions(_FLAGGED):
        return _refused(facts)
    if "model_not_found" in facts.code:
        return _not_found(facts)
    return InvalidKey(f"this API key may not use {facts.model!r} at {facts.address} ({facts.message}): "
                      "use a key with access to it, or another teacher model")


def _not_found(facts: FailedCall) -> TeacherError:
    return UnknownModel(f"{facts.address} does not know the model {facts.model!r} ({facts.message}): "
                        "check the model's name, and that the address is that of an OpenAI-compatible API "
                        "(most end in /v1)")


def _limited(facts: FailedCall) -> TeacherError:
    if "insufficient_quota" in facts.code or (facts.mentions(_BUDGET) and facts.wait_seconds is None
                                              and not facts.mentions(_RATE)):
        return _quota_exceeded(facts)
    wait = "" if facts.wait_seconds is None else f", asks for {_rounded(facts.wait_seconds)} s of quiet, " \
                                                 f"{until_text(facts.wait_seconds)}"
    return RateLimited(f"{facts.address} limits the calls to {facts.model!r}{wait} ({facts.message}): "
                       "wait and retry, or ask for fewer questions", facts.wait_seconds)


def _rounded(seconds: float) -> str:
    return f"{round(seconds, 1):,.12g}"


def _quota_exceeded(facts: FailedCall) -> TeacherError:
    return QuotaExceeded(f"the account behind the API key has no budget left at {facts.address} ({facts.message}): "
                         "add credit there, use another key, or the offline teacher 'knowledge-base'")


def _refused(facts: FailedCall) -> TeacherError:
    if facts.mentions(_CONTEXT) or facts.status == 413:
        return ContextTooLong(f"the prompt is too long for {facts.model!r} ({facts.message}): "
                              "use a model with a longer context, or shorter passages")
    if facts.mentions(_KEY):
        return _wrong_key(facts)
    if facts.mentions(_BUDGET):
        return _quota_exceeded(facts)
    if facts.mentions(_MODEL):
        return _not_found(facts)
    kind = ContentRefused if facts.mentions(_CONTENT) else RequestRefused
    return kind(f"{facts.address} refuses a request to {facts.model!r} ({facts.message}): "
                "if it keeps doing so, use another teacher model")


def _by_status(facts: FailedCall) -> TeacherError:
    status = facts.status or 0
    return _BY_STATUS.get(status, _unavailable if status >= 500 else _not_found if status < 400 else _refused)(facts)


def _unavailable(facts: FailedCall) -> TeacherError:
    if facts.mentions(_BUDGET):
        return _quota_exceeded(facts)
    if facts.wait_seconds and facts.status:
        return RateLimited(f"{facts.address} does not serve {facts.model!r} now and asks for "
                           f"{_rounded(facts.wait_seconds)} s of quiet, {until_text(facts.wait_seconds)} "
                           f"({facts.message}): wait and retry", facts.wait_seconds)
    proxy = proxy_for(facts.address) if facts.status is None else None
    if proxy:
        return EndpointUnavailable(f"{facts.address} cannot be reached through the proxy {proxy} ({facts.message}): "
                                   "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the host in NO_PROXY")
    return EndpointUnavailable(f"{facts.address} does not serve {facts.model!r} now ({facts.message}): "
                               "check the address and the network, or try later")


def _unreadable(facts: FailedCall) -> TeacherError:
    return UnreadableReply(f"the reply of {facts.model!r} at {facts.address} cannot be read ({facts.message}): "
                           "retry, or use another teacher model")


TRANSLATIONS: dict[str, Callable[[FailedCall], TeacherError]] = {
    # Most specific first; errors that no chat call raises are listed too, so that none is unknown.
    "OAuthError": _wrong_key,
    "AuthenticationError": _wrong_key,
    "SubjectTokenProviderError": _wrong_key,
    "PermissionDeniedError": _not_permitted,
    "NotFoundError": _not_found,
    "RateLimitError": _limited,
    "BadRequestError": _refused,
    "UnprocessableEntityError": _refused,
    "ContentFilterFinishReasonError": _refused,
    "ConflictError": _unavailable,
    "InternalServerError": _unavailable,
    "APIStatusError": _by_status,
    "APITimeoutError": _unavailable,
    "APIConnectionError": _unavailable,
    "WebSocketConnectionClosedError": _unavailable,
    "WebSocketQueueFullError": _unavailable,
    "APIResponseValidationError": _unreadable,
    "LengthFinishReasonError": _unreadable,
    "InvalidWebhookSignatureError": _unreadable,
    "APIError": _unavailable,
    "OpenAIError": _unavailable,
}

_BY_STATUS: dict[int, Callable[[FailedCall], TeacherError]] = {
    400: _refused, 401: _wrong_key, 402: _quota_exceeded, 403: _not_permitted, 404: _not_found, 405: _not_found,
    407: _unavailable, 408: _unavailable, 409: _unavailable, 410: _not_found, 422: _refused, 424: _unavailable,
    425: _unavailable, 429: _limited, 498: _limited, 499: _unavailable,
}
_BY_TEXT: tuple[tuple[re.Pattern[str], Callable[[FailedCall], TeacherError]], ...] = (
    (_BUDGET, _quota_exceeded), (_KEY, _wrong_key), (_CONTEXT, _refused), (_MODEL, _not_found),
    (_ADDRESS, _not_found), (_FLAGGED, _refused), (re.compile(r"\A\W*not[_ ]found|not_found_error", re.I), _not_found),
    (re.compile(r"rate[_ ]?limit|resource_exhausted|too[_ ]many[_ ]requests|throttl|并发|限流", re.I), _limited),
    (re.compile(r"permission_?(?:denied|error)|forbidden", re.I), _not_permitted),
    (re.compile(r"invalid_(?:request|argument)|bad ?_?request|unsupported_(?:value|parameter)|unprocessable|"
                r"validation[_ ]error|value_error|extra_forbidden|\"loc\"", re.I), _refused),
)
