"""What answers for an exported student: its folder in plain transformers, or an OpenAI-compatible server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from runner.export.measured_tokens import MeasuredTokens
from runner.export.served_tokens import ServedTokens, served_tokens
from runner.llm.chat import ChatRequest
from runner.llm.credentials import key_for
from runner.llm.errors import EndpointUnavailable, InvalidKey, TeacherError
from runner.llm.factory import open_chat
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.redaction import redact_url
from runner.llm.retry import RetryPolicy
from runner.student.exported_model import CannotAnswer, EngineAnswer, Losses

_POLICY = RetryPolicy()


class Engine(Protocol):
    """Answers questions for an exported student."""

    name: str

    def answers(self, questions: Sequence[str], max_new_tokens: int) -> Iterator[EngineAnswer]:
        """Yield the greedy answer to each question, in order."""
        ...

    def losses(self, pairs: Sequence[tuple[str, str]]) -> Losses | None:
        """Return the mean NLL per token of each (question, answer); None if the engine gives no likelihoods.

        One is None where the export's template leaves no token of the answer.
        """
        ...


class ChatServer:
    """A model behind an OpenAI-compatible server, asked with temperature 0, without a system prompt."""

    def __init__(self, address: str, model: str = "", policy: RetryPolicy = _POLICY, key: str | None = None,
                 measured: MeasuredTokens | None = None) -> None:
        """Connect.

        Args:
            address: the base URL, such as http://localhost:8000/v1.
            model: name of the model; empty takes the only one that the server lists.
            policy: when calls that failed are repeated.
            key: of the address; None takes that of the environment.
            measured: how the run asked, by which answers are scored where the server gives likelihoods; None asks for
                none.

        Raises:
            CannotAnswer: no server answers, or it lists other models, or several and none is named.
            MissingKey, InvalidKey: the address needs a key.
        """
        key = key_for(address) if key is None else key
        client = OpenAIChat(model, address, key, REPLY_SECONDS)
        refused, _ = client.ask_library(lambda library: library.models.list())
        if isinstance(refused, EndpointUnavailable):
            raise CannotAnswer(f"{redact_url(address)} does not answer: start the server, or check the address")
        if isinstance(refused, InvalidKey):
            raise refused
        listed = client.served_models().names
        if model and listed and model not in listed:
            raise CannotAnswer(f"{redact_url(address)} has no model {model!r}; it lists {', '.join(listed[:5])}")
        if not model and not listed:
            raise CannotAnswer(f"{redact_url(address)} lists no models: check that it is the base URL of an "
                               "OpenAI-compatible API, which mostly ends in /v1, or name the model with --model")
        if not model and len(listed) > 1:
            raise CannotAnswer(f"{redact_url(address)} lists {len(listed)} models: {', '.join(listed[:5])}; name one "
                               "with --model")
        model = client.model = model or listed[0]
        self.name = f"{model} at {redact_url(address)}"
        self.measured, self.tokens = measured, served_tokens(client, address) if measured else None
        self._chat = open_chat(model, address, key, "", None, policy)

    def answers(self, questions: Sequence[str], max_new_tokens: int) -> Iterator[EngineAnswer]:
        for number, question in enumerate(questions):
            started = time.monotonic()
            try:
                made = self._chat.complete(ChatRequest("", question, "", {}, 0.0, max_new_tokens, 0, "verify",
                                                       str(number), grow=False))
            except TeacherError as error:
                raise CannotAnswer(str(error)) from error
            yield EngineAnswer(made.text.strip(), made.completion_tokens or 0, time.monotonic() - started,
                               made.cut_off, made.prompt_tokens)

    def losses(self, pairs: Sequence[tuple[str, str]]) -> Losses | None:
        if self.measured is None or self.tokens is None:
            return None
        prompts = {question: self.tokens.prompt(question) for question in dict.fromkeys(one for one, _ in pairs)}
        return [self._nll(self.tokens, prompts[question], self.measured.answer(text)) for question, text in pairs]

    @staticmethod
    def _nll(tokens: ServedTokens, prompt: list[int], answer: list[int]) -> float | None:
        fits = tokens.context is None or len(prompt) + len(answer) < tokens.context
        return tokens.nll(prompt, answer) if fits else None
