"""One chat call through the openai library, without retries; the only module that imports the library.

Finds out which options the endpoint supports (`capabilities`) and remembers them. The key stays in this object:
our errors are raised without the library's exception attached, because its request holds the key.
"""

from __future__ import annotations

import html
import json
import logging
import re
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import httpx2
import openai

from runner.llm.backoff import rate_limit_reset_seconds, retry_after_seconds
from runner.llm.capabilities import LARGEST_LIMIT, EndpointCapabilities, OnRefused, RefusedOption
from runner.llm.chat import ChatRequest, Completion
from runner.llm.context_room import room_for_reply
from runner.llm.credentials import further_key_headers
from runner.llm.redaction import redact, redact_url
from runner.llm.errors import (
    ContentRefused, ContextTooLong, EndpointUnavailable, InvalidProxy, RateLimited, RequestRefused, TeacherError,
    UnknownModel, UnreadableReply,
)
from runner.llm.openai_errors import FailedCall, translate_error, translate_error_body
from runner.llm.proxy import proxy_errors
from runner.llm.response_parsing import ErrorBody, find_error, parse_completion
from runner.llm.served_models import ServedModels, read_models
from runner.llm.unicode_repair import storable

REPLY_SECONDS = 120.0
"""Read timeout; small self-hosted servers are slow."""
CONNECT_SECONDS = 10.0
MAX_MESSAGE_LENGTH = 300
"""Characters of a server's message that an error quotes."""

_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.S | re.I)
_SCHEMA_FAILURES = (500, 501)
"""Statuses with which servers answer options that they cannot process, although these are no outages."""
_FAILED_GENERATION = "json_validate_failed"
"""Code of a reply that did not come out in the format asked for; the next one may."""
logger = logging.getLogger("runner.llm")
T = TypeVar("T")


@dataclass(frozen=True)
class Refusal:
    """What a server states of a failed call; `message` is redacted."""

    message: str
    param: str = ""
    code: str = ""
    status: int | None = None
    named: set[str] = field(default_factory=set)
    """Options that were recognised in it."""

    def names(self, option: str) -> bool:
        return option in self.named


class OpenAIChat:
    """One model at one OpenAI-compatible endpoint. Safe to use from several threads."""

    def __init__(self, model: str, address: str, key: str, reply_seconds: float = REPLY_SECONDS,
                 on_limit_spent: Callable[[float], None] | None = None,
                 capabilities: EndpointCapabilities | None = None,
                 on_refused: OnRefused | None = None) -> None:
        """A client for one model.

        Args:
            address: base URL; its query is sent with every call.
            reply_seconds: the longest wait for a reply.
            on_limit_spent: called with the seconds until a rate limit resets that a reply reports as used up.
            capabilities: what is known of the endpoint; None tries every option.
            on_refused: called once for each option that is found to be refused, from worker threads.

        Raises:
            InvalidProxy: a proxy of the environment cannot be used.
        """
        self.model = model
        self.address = redact_url(address)
        self.capabilities = capabilities or EndpointCapabilities()
        self._on_refused = on_refused
        self._succeeded = False
        self._server_errors = 0
        """Server errors since the last completion."""
        self._lock = threading.Lock()
        self._key = key
        self._on_limit_spent = on_limit_spent
        timeout = openai.Timeout(reply_seconds, connect=min(CONNECT_SECONDS, reply_seconds))
        base, _, query = address.partition("?")  # such as ?api-version=2024-06-01: sent with every call
        if wrong := proxy_errors():
            raise InvalidProxy(wrong[0])
        connections = openai.DefaultHttpxClient(verify=_certificates(), timeout=timeout)
        weakref.finalize(self, connections.close)
        self._client = openai.OpenAI(api_key=key, base_url=base, max_retries=0, timeout=timeout,
                                     default_query=dict(parse_qsl(query)),
                                     default_headers=further_key_headers(address, key), http_client=connections)

    def complete(self, request: ChatRequest) -> Completion:
        """One completion, with all the options that the endpoint supports.

        Raises:
            TeacherError: any kind; the call was made once for each set of options that had to be tried.
        """
        capabilities, first, only_this_reply = self._capabilities_to_try(), "", False
        messages: dict[str, str] = {}
        while True:
            result, refusal = self._attempt(request, capabilities)
            if isinstance(result, Completion):
                self._server_errors = 0
                if not only_this_reply:
                    self._remember(capabilities, messages)
                return result
            if isinstance(result, ContextTooLong) and (room := room_for_reply(refusal.message, request.max_tokens)):
                request = replace(request, max_tokens=room)
                continue
            first = first or refusal.message
            only_this_reply = only_this_reply or _FAILED_GENERATION in refusal.code
            option = self._refused_option(result, refusal, capabilities, request)
            simpler = capabilities.without_option(option, refusal.message, request.max_tokens) if option else None
            if option is None or simpler is None:
                raise _with_first_refusal(result, first)
            logger.warning("%s refuses the option %s of %s: %s", self.address, option, self.model, refusal.message)
            messages[option] = refusal.message
            if refusal.names(option):
                self._remember(simpler, messages)
            capabilities = simpler

    def served_models(self) -> ServedModels:
        """The endpoint's list of models; without names where it serves none that can be read."""
        try:
            return read_models(json.loads(self._client.models.with_raw_response.list().text), self.model)
        except (openai.OpenAIError, ValueError, RecursionError):
            return ServedModels(())

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """The body of a call, as a batch sends it, with the options that are known to be supported."""
        return {"model": self.model, "messages": self.capabilities.messages(request),
                **self.capabilities.options(request)}

    def learn_from(self, request: ChatRequest, failures: Sequence[Refusal]) -> TeacherError | None:
        """Give up the options that earlier failures of one call refuse, in their order; returns the failure that is
        not about options and that no repetition can mend, if there is one."""
        capabilities, messages = EndpointCapabilities(), dict[str, str]()
        for refusal in failures:
            error = translate_error_body(FailedCall(self.model, self.address, refusal.message, refusal.code,
                                                    refusal.status))
            if isinstance(error, ContentRefused):
                return error
            option = self._refused_option(error, refusal, capabilities, request)
            simpler = capabilities.without_option(option, refusal.message, request.max_tokens) if option else None
            if simpler is None and not isinstance(error, EndpointUnavailable | RateLimited):
                return error
            messages |= {option: refusal.message} if option else {}
            capabilities = simpler or capabilities
        self._remember(capabilities, messages)
        return None

    def ask_library(self, call: Callable[[openai.OpenAI], T]) -> tuple[T | TeacherError, Refusal]:
        """What a call of the library returns, for other interfaces than chat; our error where it fails."""
        try:
            return call(self._client), Refusal("")
        except openai.OpenAIError as error:
            return self._translate(error)
        except (ValueError, UnicodeError) as error:
            return EndpointUnavailable(f"what {self.address} answers cannot be read ({type(error).__name__})"), \
                Refusal("")

    def _refused_option(self, error: TeacherError, refusal: Refusal, capabilities: EndpointCapabilities,
                        request: ChatRequest) -> str | None:
        """The option to give up after a failed call; None where the failure is not about options.

        A refusal that names no option is most likely about the response format. Servers also answer 500 to options that
        they cannot process; one that names no option is taken for an outage.
        """
        named = capabilities.refused_option(refusal.message, refusal.param, request,
                                            hints=isinstance(error, RequestRefused))
        if named:
            refusal.named.add(named)
        if isinstance(error, RequestRefused):
            return named or "response_format"
        if isinstance(error, UnknownModel) and "model_not_found" not in refusal.code:
            return named
        if isinstance(error, EndpointUnavailable) and refusal.status in _SCHEMA_FAILURES:
            self._server_errors += not named
            return named
        return None

    def _capabilities_to_try(self) -> EndpointCapabilities:
        """What is known; after repeated server errors and no completion yet, a simpler response format: some servers
        answer a schema that they cannot compile with no more than "internal server error"."""
        capabilities = self.capabilities
        for _ in range(0 if self._succeeded else self._server_errors - 1):
            capabilities = capabilities.without_option("response_format") or capabilities
        return capabilities

    def _remember(self, capabilities: EndpointCapabilities, messages: Mapping[str, str]) -> None:
        """Add what was found out; `messages` has the refusals by option."""
        with self._lock:
            before, self.capabilities = self.capabilities.refused, self.capabilities.merge(capabilities)
            found = {option: instead for option, instead in self.capabilities.refused.items()
                     if before.get(option) != instead}
        for option, instead in found.items():
            message = messages.get("limit" if option == LARGEST_LIMIT else option, "")
            if self._on_refused:
                self._on_refused(RefusedOption(option, instead, message))

    def _attempt(self, request: ChatRequest, capabilities: EndpointCapabilities
                 ) -> tuple[Completion | TeacherError, Refusal]:
        """The completion, or our error and the server's message. The error is returned: raised inside `except`, it
        would have the library's exception, which holds the key, as its context."""
        try:
            return self._call(request, capabilities)
        except openai.OpenAIError as error:
            return self._translate(error)
        except (EndpointUnavailable, UnreadableReply) as error:
            return error, Refusal(str(error))
        except (ValueError, UnicodeError) as error:
            return EndpointUnavailable(f"what {self.address} answers cannot be read ({type(error).__name__}): "
                                       "check that the "
                                       "address is that of an OpenAI-compatible API"), Refusal("")

    def _call(self, request: ChatRequest, capabilities: EndpointCapabilities
              ) -> tuple[Completion | TeacherError, Refusal]:
        messages: Any = capabilities.messages(request)
        options: Any = capabilities.options(request)
        raw = self._client.chat.completions.with_raw_response.create(model=self.model, messages=messages, **options)
        spent = rate_limit_reset_seconds(raw.headers)
        if spent and self._on_limit_spent:
            self._on_limit_spent(spent)
        if error := _find_error_in(raw.http_response):
            message = self._quotable(error.message)
            facts = FailedCall(self.model, self.address, message, error.code, error.status,
                               retry_after_seconds({**error.headers, **raw.headers}, message=message))
            return translate_error_body(facts), Refusal(message, error.param, error.code, error.status)
        completion = parse_completion(raw.text, self.address + _redirected_to(raw.http_response))
        self._succeeded = True
        return completion, Refusal("")

    def _translate(self, error: openai.OpenAIError) -> tuple[TeacherError, Refusal]:
        response = getattr(error, "response", None)
        body = _find_error_in(response) or find_error(getattr(error, "body", None))
        cause = f": {error.__cause__}" if error.__cause__ and not body else ""
        message = self._quotable(f"{body.message if body else error}{cause}") + _redirected_to(response)
        headers = {**(body.headers if body else {}), **(response.headers if response is not None else {})}
        facts = FailedCall(model=self.model, address=self.address, message=message,
                           code=str(getattr(error, "code", None) or (body.code if body else "")),
                           status=getattr(error, "status_code", None),
                           wait_seconds=None if response is None else retry_after_seconds(headers, message=message))
        param = str(getattr(error, "param", None) or (body.param if body else ""))
        return (translate_error([kind.__name__ for kind in type(error).__mro__], facts),
                Refusal(message, param, facts.code, facts.status))

    def _quotable(self, message: str) -> str:
        if message.lstrip().startswith("<"):  # a page of a proxy or of another server: its text alone
            message = html.unescape(_MARKUP.sub(" ", message))
        return redact(storable(" ".join(message.split())), self._key)[:MAX_MESSAGE_LENGTH]


def _redirected_to(response: Any) -> str:
    """Where a redirect led, in words; empty without one. A redirected POST mostly arrives as a GET."""
    return f" (redirected to {redact_url(str(response.url))})" if getattr(response, "history", None) else ""


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that the library trusts, read once: to read them takes longer than a call to a local server."""
    return httpx2.create_ssl_context()


def _find_error_in(response: Any) -> ErrorBody | None:
    """The error in a response's body, if it is JSON and states one."""
    try:
        return find_error(json.loads(response.text)) if response is not None else None
    except (ValueError, RecursionError, httpx2.StreamError):
        return None


def _with_first_refusal(error: TeacherError, first: str) -> TeacherError:
    """The error of the last attempt, with the first refusal where that differs: the later options may cause others."""
    if isinstance(error, RequestRefused) and first and first not in str(error):
        return type(error)(f"{error}; the first refusal: {first}")
    return error
