"""From every public exception of the openai library to one of ours, by class name, and by what the server says.

Works on names and plain facts, so that the library keeps its one door (`openai_chat`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.teacher.errors import (
    BudgetSpent,
    ContextTooLong,
    EndpointDown,
    RateLimited,
    RequestRefused,
    TeacherError,
    UnknownModel,
    UnreadableReply,
    WrongKey,
)

_BUDGET = re.compile(r"insufficient_quota|billing|insufficient (?:funds|credit|balance)|"
                     r"exceeded your current quota", re.I)
_CONTEXT = re.compile(r"context[_ ](?:length|window|size)|maximum context|too many tokens|prompt is too long|"
                      r"exceeds? the (?:available )?context|input is too long", re.I)
_MODEL = re.compile(r"model_not_found|\bmodel\b.{0,80}(?:not found|does not exist|not exist|unknown|invalid)|"
                    r"(?:unknown|invalid) model", re.I)
_KEY = re.compile(r"invalid_api_key|incorrect api key|invalid api key|api key not valid", re.I)


@dataclass(frozen=True)
class Facts:
    """What is known about a failed call; `said` is the server's own words, the key already hidden in them."""

    model: str
    address: str
    said: str
    code: str = ""
    status: int | None = None
    wait_seconds: float | None = None

    def tells(self, pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(f"{self.code} {self.said}"))


def translated(class_names: list[str], facts: Facts) -> TeacherError:
    """Our error for an exception, given its class name and those of its ancestors, nearest first."""
    for name in class_names:
        if name in FROM_OPENAI:
            return FROM_OPENAI[name](facts)
    return EndpointDown(f"{facts.address} could not be asked: {facts.said}")


def _wrong_key(facts: Facts) -> TeacherError:
    return WrongKey(f"{facts.address} refuses the API key ({facts.said}): "
                    "set OPENAI_API_KEY, in the environment or in .env, to a key that is valid there")


def _not_permitted(facts: Facts) -> TeacherError:
    return WrongKey(f"this API key may not use {facts.model!r} at {facts.address} ({facts.said}): "
                    "use a key with access to it, or another teacher model")


def _not_found(facts: Facts) -> TeacherError:
    return UnknownModel(f"{facts.address} does not know the model {facts.model!r} ({facts.said}): "
                        "check the model's name, and that the address is that of an OpenAI-compatible API "
                        "(most end in /v1)")


def _limited(facts: Facts) -> TeacherError:
    if facts.tells(_BUDGET):
        return _spent(facts)
    wait = "" if facts.wait_seconds is None else f", asks for {facts.wait_seconds:g} s of quiet"
    return RateLimited(f"{facts.address} limits the calls to {facts.model!r}{wait} ({facts.said}): "
                       "wait and retry, or ask for fewer questions", facts.wait_seconds)


def _spent(facts: Facts) -> TeacherError:
    return BudgetSpent(f"the account behind the API key has no budget left at {facts.address} ({facts.said}): "
                       "add credit there, use another key, or the offline teacher 'knowledge-base'")


def _refused(facts: Facts) -> TeacherError:
    if facts.tells(_CONTEXT) or facts.status == 413:
        return ContextTooLong(f"the prompt is too long for {facts.model!r} ({facts.said}): "
                              "use a model with a longer context, or shorter passages")
    if facts.tells(_KEY):
        return _wrong_key(facts)
    if facts.tells(_MODEL):
        return _not_found(facts)
    return RequestRefused(f"{facts.address} refuses a request to {facts.model!r} ({facts.said}): "
                          "if it keeps doing so, use another teacher model")


def _by_status(facts: Facts) -> TeacherError:
    if facts.status == 402:
        return _spent(facts)
    return _down(facts) if facts.status == 408 or (facts.status or 0) >= 500 else _refused(facts)


def _down(facts: Facts) -> TeacherError:
    if facts.tells(_BUDGET):
        return _spent(facts)
    return EndpointDown(f"{facts.address} does not serve {facts.model!r} now ({facts.said}): "
                        "check the address and the network, or try later")


def _unreadable(facts: Facts) -> TeacherError:
    return UnreadableReply(f"the reply of {facts.model!r} at {facts.address} cannot be read ({facts.said}): "
                           "retry, or use another teacher model")


FROM_OPENAI: dict[str, Callable[[Facts], TeacherError]] = {
    # Most specific first; what is never met in a chat call stands here too, so that nothing is unknown.
    "OAuthError": _wrong_key,
    "AuthenticationError": _wrong_key,
    "SubjectTokenProviderError": _wrong_key,
    "PermissionDeniedError": _not_permitted,
    "NotFoundError": _not_found,
    "RateLimitError": _limited,
    "BadRequestError": _refused,
    "UnprocessableEntityError": _refused,
    "ContentFilterFinishReasonError": _refused,
    "ConflictError": _down,
    "InternalServerError": _down,
    "APIStatusError": _by_status,
    "APITimeoutError": _down,
    "APIConnectionError": _down,
    "WebSocketConnectionClosedError": _down,
    "WebSocketQueueFullError": _down,
    "APIResponseValidationError": _unreadable,
    "LengthFinishReasonError": _unreadable,
    "InvalidWebhookSignatureError": _unreadable,
    "APIError": _down,
    "OpenAIError": _down,
}
