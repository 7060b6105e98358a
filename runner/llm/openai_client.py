"""One chat call through the openai library, without retries; the only module that imports the library.

Finds out which options the endpoint supports (`capabilities`) and remembers them. The key stays in this object:
our errors are raised without the library's exception attached, because its request holds the key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import openai

from runner.llm.backoff import rate_limit_reset_seconds, retry_after_seconds
from runner.llm.capabilities import EndpointCapabilities
from runner.llm.chat import ChatRequest, Completion
from runner.llm.credentials import redact, redact_url
from runner.llm.errors import EndpointUnavailable, RequestRefused, TeacherError, UnreadableReply
from runner.llm.openai_errors import FailedCall, translate_error
from runner.llm.response_parsing import parse_completion

REPLY_SECONDS = 120.0
"""Read timeout; small self-hosted servers are slow."""
CONNECT_SECONDS = 10.0
MAX_MESSAGE_LENGTH = 300
"""Characters of a server's message that an error quotes."""


class OpenAIChat:
    """One model at one OpenAI-compatible endpoint. Safe to use from several threads."""

    def __init__(self, model: str, address: str, key: str, reply_seconds: float = REPLY_SECONDS,
                 on_limit_spent: Callable[[float], None] | None = None) -> None:
        self.model = model
        self.address = redact_url(address)
        self.capabilities = EndpointCapabilities()
        self._key = key
        self._on_limit_spent = on_limit_spent
        timeout = openai.Timeout(reply_seconds, connect=min(CONNECT_SECONDS, reply_seconds))
        base, _, query = address.partition("?")  # such as ?api-version=2024-06-01: sent with every call
        self._client = openai.OpenAI(api_key=key, base_url=base, max_retries=0, timeout=timeout,
                                     default_query=dict(parse_qsl(query)))

    def complete(self, request: ChatRequest) -> Completion:
        """One completion, with all the options that the endpoint supports.

        Raises:
            TeacherError: any kind; the call was made once for each set of options that had to be tried.
        """
        capabilities = self.capabilities
        while True:
            result, refusal = self._attempt(request, capabilities)
            if isinstance(result, Completion):
                self.capabilities = capabilities
                return result
            simpler = capabilities.without_refused_option(refusal) if isinstance(result, RequestRefused) else None
            if simpler is None:
                raise result
            capabilities = simpler

    def _attempt(self, request: ChatRequest, capabilities: EndpointCapabilities
                 ) -> tuple[Completion | TeacherError, str]:
        """The completion, or our error and the server's message. The error is returned: raised inside `except`, it
        would have the library's exception, which holds the key, as its context."""
        try:
            return self._call(request, capabilities), ""
        except openai.OpenAIError as error:
            return self._translate(error), f"{getattr(error, 'param', None) or ''} {error}"
        except (EndpointUnavailable, UnreadableReply) as error:
            return error, ""
        except (ValueError, UnicodeError) as error:
            return EndpointUnavailable(f"what {self.address} answers cannot be read ({type(error).__name__}): "
                                       "check that the "
                                       "address is that of an OpenAI-compatible API"), ""

    def _call(self, request: ChatRequest, capabilities: EndpointCapabilities) -> Completion:
        messages: Any = [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]
        options: Any = capabilities.options(request)
        raw = self._client.chat.completions.with_raw_response.create(model=self.model, messages=messages, **options)
        spent = rate_limit_reset_seconds(raw.headers)
        if spent and self._on_limit_spent:
            self._on_limit_spent(spent)
        return parse_completion(raw.text, self.address)

    def _translate(self, error: openai.OpenAIError) -> TeacherError:
        response = getattr(error, "response", None)
        facts = FailedCall(model=self.model, address=self.address, message=self._message(error),
                           code=str(getattr(error, "code", None) or ""), status=getattr(error, "status_code", None),
                           wait_seconds=retry_after_seconds(response.headers) if response is not None else None)
        return translate_error([kind.__name__ for kind in type(error).__mro__], facts)

    def _message(self, error: openai.OpenAIError) -> str:
        body = getattr(error, "body", None)
        message = body.get("message") if isinstance(body, dict) else None
        cause = f": {error.__cause__}" if error.__cause__ and not message else ""
        return redact(" ".join(f"{message or error}{cause}".split()), self._key)[:MAX_MESSAGE_LENGTH]
