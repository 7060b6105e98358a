"""One chat call through the openai library, without retries; the only module that imports the library.

Which options the endpoint supports is found out by `option_search`. The key stays in this object: our errors are raised
without the library's exception attached, because its request holds the key.
"""

from __future__ import annotations

import html
import json
import re
import ssl
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import httpx2
import openai

from runner.llm.backoff import rate_limit_reset_seconds, retry_after_seconds
from runner.llm.capabilities import EndpointCapabilities, OnRefused
from runner.llm.chat import ChatRequest, Completion
from runner.llm.credentials import further_key_headers
from runner.llm.redaction import redact, redact_url
from runner.llm.error_body import ErrorBody, find_error
from runner.llm.errors import EndpointUnavailable, InvalidProxy, TeacherError, UnreadableReply
from runner.llm.openai_errors import FailedCall, translate_error, translate_error_body
from runner.llm.http_proxy import proxy_errors
from runner.llm.option_search import OptionSearch, Refusal
from runner.llm.response_body import decode_body
from runner.llm.response_parsing import parse_completion
from runner.llm.served_models import ServedModels, read_models
from runner.llm.unicode_repair import storable

REPLY_SECONDS = 120.0
"""Read timeout; small self-hosted servers are slow."""
CONNECT_SECONDS = 10.0
MAX_MESSAGE_LENGTH = 300
"""Characters of a server's message that an error quotes."""

_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.S | re.I)
T = TypeVar("T")


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
        self._options = OptionSearch(model, self.address, capabilities, on_refused)
        self._key = key
        self._on_limit_spent = on_limit_spent
        timeout = openai.Timeout(reply_seconds, connect=min(CONNECT_SECONDS, reply_seconds))
        base, _, query = address.partition("?")  # such as ?api-version=2024-06-01: sent with every call
        if wrong := proxy_errors():
            raise InvalidProxy(wrong[0])
        connections = openai.DefaultHttpxClient(verify=_certificates(), timeout=timeout)
        weakref.finalize(self, connections.close)
        self._client = openai.OpenAI(api_key=key, base_url=base, max_retries=0, timeout=timeout,
                                     default_query=dict(parse_qsl(query, keep_blank_values=True)),
                                     default_headers=further_key_headers(address, key), http_client=connections)

    @property
    def capabilities(self) -> EndpointCapabilities:
        """What is known of the endpoint."""
        return self._options.capabilities

    def complete(self, request: ChatRequest) -> Completion:
        """One completion, with all the options that the endpoint supports.

        Raises:
            TeacherError: any kind; the call was made once for each set of options that had to be tried.
        """
        return self._options.complete(request, self._attempt)

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
        """As `OptionSearch.learn_from`."""
        return self._options.learn_from(request, failures)

    def ask_library(self, call: Callable[[openai.OpenAI], T]) -> tuple[T | TeacherError, Refusal]:
        """What a call of the library returns, for other interfaces than chat; our error where it fails."""
        try:
            return call(self._client), Refusal("")
        except openai.OpenAIError as error:
            return self._translate(error)
        except (ValueError, UnicodeError) as error:
            return EndpointUnavailable(f"what {self.address} answers cannot be read ({type(error).__name__})"), \
                Refusal("")

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
        started = time.monotonic()
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
        return replace(completion, seconds=time.monotonic() - started), Refusal("")

    def _translate(self, error: openai.OpenAIError) -> tuple[TeacherError, Refusal]:
        response = getattr(error, "response", None)
        body = _find_error_in(response) or find_error(getattr(error, "body", None))
        cause = f": {error.__cause__}" if error.__cause__ and not body else ""
        message = self._quotable(f"{body.message if body else error}{cause}") + (
            _redirected_to(response) or _redirected_request(error))
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


def _redirected_request(error: openai.OpenAIError) -> str:
    """The same of a call that failed at the place where a redirect led, such as from http to https."""
    first, last = (getattr(one, "_request", None) or getattr(one, "request", None) for one in (error, error.__cause__))
    if first is None or last is None or first.url == last.url:
        return ""
    return f" (redirected to {redact_url(str(last.url))})"


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that the library trusts, read once: to read them takes longer than a call to a local server."""
    return httpx2.create_ssl_context()


def _find_error_in(response: Any) -> ErrorBody | None:
    """The error in a response's body, if it is JSON and states one."""
    try:
        return find_error(decode_body(response.text)) if response is not None else None
    except (ValueError, RecursionError, httpx2.StreamError):
        return None
