"""The one door to the openai library: one chat call, no retries, errors as ours.

Negotiates how the endpoint wants to be spoken to (`dialect`) and remembers it. The key stays
in this object; no error leaves here with the library's exception, whose request holds it, attached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai

from runner.llm.backoff import rate_limit_reset_seconds, retry_after_seconds
from runner.llm.capabilities import EndpointCapabilities
from runner.llm.chat import ChatRequest, Completion
from runner.llm.credentials import redact, redact_url
from runner.llm.errors import EndpointUnavailable, RequestRefused, TeacherError, UnreadableReply
from runner.llm.openai_errors import FailedCall, translate_error
from runner.llm.response_parsing import parse_completion

REPLY_SECONDS = 120.0
"""The longest silence while waiting for a reply; small servers of one's own are slow."""
CONNECT_SECONDS = 10.0
MAX_MESSAGE_LENGTH = 300
"""Characters of a server's words that an error message quotes."""


class OpenAIChat:
    """One model at one OpenAI-compatible endpoint. Safe to use from several threads."""

    def __init__(self, model: str, address: str, key: str, reply_seconds: float = REPLY_SECONDS,
                 on_limit_spent: Callable[[float], None] | None = None) -> None:
        self.model = model
        self.address = redact_url(address)
        self.dialect = EndpointCapabilities()
        self._key = key
        self._on_limit_spent = on_limit_spent
        timeout = openai.Timeout(reply_seconds, connect=min(CONNECT_SECONDS, reply_seconds))
        self._client = openai.OpenAI(api_key=key, base_url=address, max_retries=0, timeout=timeout)

    def complete(self, request: ChatRequest) -> Completion:
        """One completion, in the fullest dialect that the endpoint takes.

        Raises:
            TeacherError: any kind; the call was made once for each dialect that had to be tried.
        """
        dialect = self.dialect
        while True:
            result, complaint = self._attempt(request, dialect)
            if isinstance(result, Completion):
                self.dialect = dialect
                return result
            simpler = dialect.without_refused_option(complaint) if isinstance(result, RequestRefused) else None
            if simpler is None:
                raise result
            dialect = simpler

    def _attempt(self, request: ChatRequest, dialect: EndpointCapabilities) -> tuple[Completion | TeacherError, str]:
        """The completion, or our error with what the server complained about. Our error is not raised here:
        raised inside `except`, it would carry the library's exception along, and that the key."""
        try:
            return self._call(request, dialect), ""
        except openai.OpenAIError as error:
            return self._translate(error), f"{getattr(error, 'param', None) or ''} {error}"
        except (EndpointUnavailable, UnreadableReply) as error:
            return error, ""
        except (ValueError, UnicodeError) as error:
            return EndpointUnavailable(f"what {self.address} answers cannot be read ({type(error).__name__}): "
                                       "check that the "
                                       "address is that of an OpenAI-compatible API"), ""

    def _call(self, request: ChatRequest, dialect: EndpointCapabilities) -> Completion:
        messages: Any = [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]
        options: Any = dialect.options(request)
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
        words = body.get("message") if isinstance(body, dict) else None
        cause = f": {error.__cause__}" if error.__cause__ and not words else ""
        return redact(" ".join(f"{words or error}{cause}".split()), self._key)[:MAX_MESSAGE_LENGTH]
