"""What a chat call is: a request, a completion, and the one thing that every layer of the chain can do.

The chain, outermost first: `CachedChat` (receipts) -> `RetryingChat` (waits) -> `OpenAIChat` (one call).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class ChatRequest:
    """One call: what is said, how it is decoded, and what it is for."""

    system: str
    user: str
    schema_name: str
    schema: Mapping[str, Any]
    """JSON schema of the reply; the prompt describes the same form in words, for servers without schemas."""
    temperature: float
    max_tokens: int
    seed: int
    purpose: str
    """`questions`, `reference` or `closed book`: shown beside the receipt."""
    item: str
    """Tells apart calls whose words are equal, such as a second try."""


@dataclass(frozen=True)
class Completion:
    """What came back."""

    text: str
    """The model's words; empty where it gave none."""
    finish: str
    """`stop`, `length` (cut off at the token limit), `content_filter`, or what else the server says."""
    prompt_tokens: int | None
    completion_tokens: int | None
    refusal: str | None = None

    @property
    def cut_off(self) -> bool:
        return self.finish == "length"


class Chat(Protocol):
    """Anything that turns a request into a completion."""

    def complete(self, request: ChatRequest) -> Completion:
        """The completion; may be called from several threads at once.

        Raises:
            TeacherError: see `runner.llm.errors`.
        """
        ...
