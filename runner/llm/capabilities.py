"""Request options that an endpoint supports, found by trying.

OpenAI-compatible servers differ in structured output, in the name of the token limit, and in sampling
options. All options are sent first; each refusal removes one. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from runner.llm.chat import ChatRequest

RESPONSE_FORMATS = ("json_schema", "json_object", "text")


@dataclass(frozen=True)
class EndpointCapabilities:
    """Which options are sent with each request."""

    response_format: str = RESPONSE_FORMATS[0]
    limit_name: str = "max_tokens"
    sampling: bool = True
    """Whether temperature and seed are sent; some reasoning models refuse them."""

    def options(self, request: ChatRequest) -> dict[str, Any]:
        """The request's options, apart from model and messages."""
        options: dict[str, Any] = {self.limit_name: request.max_tokens}
        if self.sampling:
            options |= {"temperature": request.temperature, "seed": request.seed}
        if self.response_format == "json_schema":
            schema = {"name": request.schema_name, "strict": True, "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self.response_format == "json_object":
            options["response_format"] = {"type": "json_object"}
        return options

    def without_refused_option(self, refusal: str) -> EndpointCapabilities | None:
        """The options to try after a refusal (its parameter and message); None when none is left to remove."""
        if "max_completion_tokens" in refusal and self.limit_name == "max_tokens":
            return replace(self, limit_name="max_completion_tokens")
        if self.sampling and ("temperature" in refusal or "'seed'" in refusal or refusal.startswith("seed ")):
            return replace(self, sampling=False)
        index = RESPONSE_FORMATS.index(self.response_format)
        # A refusal that names no option is most likely about the response format, the least supported of them.
        return replace(self, response_format=RESPONSE_FORMATS[index + 1]) if index + 1 < len(RESPONSE_FORMATS) else None
