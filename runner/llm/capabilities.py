"""How an endpoint wants to be spoken to: which of the request's options it takes.

OpenAI-compatible servers differ in structured output, in the name of the token limit, and in sampling
options. The fullest dialect is tried first; a refusal leads to the next one. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from runner.llm.chat import ChatRequest

RESPONSE_FORMATS = ("json_schema", "json_object", "text")


@dataclass(frozen=True)
class EndpointCapabilities:
    """One way to put a request."""

    form: str = RESPONSE_FORMATS[0]
    limit_name: str = "max_tokens"
    sampling: bool = True
    """Whether temperature and seed are sent; some reasoning models refuse them."""

    def options(self, request: ChatRequest) -> dict[str, Any]:
        """The request's options beside model and messages."""
        options: dict[str, Any] = {self.limit_name: request.max_tokens}
        if self.sampling:
            options |= {"temperature": request.temperature, "seed": request.seed}
        if self.form == "json_schema":
            schema = {"name": request.schema_name, "strict": True, "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self.form == "json_object":
            options["response_format"] = {"type": "json_object"}
        return options

    def without_refused_option(self, complaint: str) -> EndpointCapabilities | None:
        """What to try after a refusal (its parameter and message); None when there is nothing left to give up."""
        if "max_completion_tokens" in complaint and self.limit_name == "max_tokens":
            return replace(self, limit_name="max_completion_tokens")
        if self.sampling and ("temperature" in complaint or "'seed'" in complaint or complaint.startswith("seed ")):
            return replace(self, sampling=False)
        place = RESPONSE_FORMATS.index(self.form)
        # A refusal that does not say what it is about may well be about the form, the rarest of the options.
        return replace(self, form=RESPONSE_FORMATS[place + 1]) if place + 1 < len(RESPONSE_FORMATS) else None
