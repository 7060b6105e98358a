"""Request and completion of a chat call, and the protocol that every layer of the client implements.

The layers, outermost first: `CachedChat` (response cache) -> `RetryingChat` (retries) -> `OpenAIChat` (one call);
`runner.llm.factory` puts them together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

_BROKEN_OFF = re.compile(r"(?:\w+[_ ])?(?:error|abort\w*|cancel\w*|fail\w*|interrupt\w*|time_?out)", re.I)
"""Reasons for the end of a reply that mean that the server did not finish it."""


@dataclass(frozen=True)
class ChatRequest:
    """One chat call: prompt, decoding options and purpose."""

    system: str
    user: str
    schema_name: str
    schema: Mapping[str, Any]
    """JSON schema of the reply, empty for plain text; the prompt describes the same format in words, for servers
    without schemas."""
    temperature: float
    max_tokens: int
    seed: int
    purpose: str
    """`questions`, `reference`, `facts` or `closed book`: stored and shown with the cached call."""
    item: str
    """Distinguishes calls with equal prompts, such as a second attempt."""
    top_p: float | None = None
    """None is not sent."""
    reasoning_effort: str | None = None
    """None is not sent."""
    grow: bool = True
    """Whether a reply that was cut off is asked for again with a larger limit."""


@dataclass(frozen=True)
class Completion:
    """The reply to a chat call."""

    text: str
    """The reply's text; empty where there is none."""
    finish: str
    """`stop`, `length` (cut off at the token limit), `content_filter`, or another value of the server's."""
    prompt_tokens: int | None
    completion_tokens: int | None
    refusal: str | None = None
    reasoning: str = ""
    """The beginning of reasoning that the server returned apart from the text."""
    reasoning_tokens: int | None = None
    """How many of the completion tokens were reasoning; None if the server does not say."""
    cached_prompt_tokens: int | None = None
    """How many of the prompt tokens the server had cached; None if it does not say."""
    seconds: float | None = field(default=None, compare=False)
    """From the call to its whole reply, without waits and failed attempts; None for batches, and for replies that were
    stored before it was recorded."""

    @property
    def cut_off(self) -> bool:
        return self.finish == "length"

    @property
    def broken_off(self) -> bool:
        """Whether the server failed while it wrote the reply."""
        return bool(_BROKEN_OFF.fullmatch(self.finish))


class Chat(Protocol):
    """Anything that turns a request into a completion."""

    def complete(self, request: ChatRequest) -> Completion:
        """Return the completion; may be called from several threads at once.

        Raises:
            TeacherError: see `runner.llm.errors`.
        """
        ...
