"""Tokens and likelihoods from a server, where it gives them: vLLM and `serve-model` in one way, llama.cpp in another.

Both first turn a question into tokens by the server's own chat template. vLLM then scores a text that it is given.
llama.cpp's server scores only what it generates: a grammar of token ids lets it generate nothing but the given answer,
and the log-probabilities that it reports are those before any sampler, so that neither grammar nor penalty is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from runner.llm.errors import TeacherError
from runner.llm.openai_client import OpenAIChat
from runner.student.exported_model import CannotAnswer

_PROBE = "What does a Service do for a Pod?"
_BIAS = 1000.0
"""Added to the logit of an answer's last token, where the grammar is over and would take any token that ends a text."""
Reply = Mapping[str, Any]


class ServedTokens(Protocol):
    """A server's own tokens of a question, and the likelihoods that it gives to an answer."""

    context: int | None
    """Tokens of its longest text; None where that is not said."""
    weights: str
    """The type of its weights; empty where that is not said."""

    def prompt(self, question: str) -> list[int]:
        """Return the tokens of a question by the server's chat template.

        Raises:
            CannotAnswer: the server refuses.
        """
        ...

    def nll(self, prompt: Sequence[int], answer: Sequence[int]) -> float | None:
        """Return the mean NLL of the answer's tokens, in nats per token; None where one of them is not told.

        Raises:
            CannotAnswer: the server refuses.
        """
        ...


def served_tokens(chat: OpenAIChat, address: str) -> ServedTokens | None:
    """Find out how a server gives tokens and likelihoods; None if it gives none.

    Args:
        chat: the client of its model.
        address: the base URL, as the client has it.
    """
    server = _Server(chat, address.partition("?")[0].rstrip("/").removesuffix("/v1"))
    for found in (_VllmTokens.of(server), _LlamaCppTokens.of(server)):
        try:
            if found and found.nll(found.prompt(_PROBE), found.prompt("A Pod.")[:1]) is not None:
                return found
        except (CannotAnswer, LookupError, TypeError, ValueError):
            continue
    return None


class _Server:
    """Asks paths beside the OpenAI-compatible ones."""

    def __init__(self, chat: OpenAIChat, root: str) -> None:
        self.model, self._chat, self._root = chat.model, chat, root

    def post(self, path: str, body: dict[str, object]) -> Reply:
        return self._object(lambda client: client.with_options(base_url=self._root).post(
            path, cast_to=object, body=body))

    def get(self, path: str) -> Reply:
        return self._object(lambda client: client.with_options(base_url=self._root).get(path, cast_to=object))

    def _object(self, call: Any) -> Reply:
        found, _ = self._chat.ask_library(call)
        if isinstance(found, TeacherError):
            raise CannotAnswer(str(found)) from None
        if not isinstance(found, dict):
            raise CannotAnswer(f"{self._chat.address} gives no JSON object where its tokens are asked for")
        return found


class _VllmTokens:
    """`/tokenize` takes a chat, and `prompt_logprobs` scores what is given; vLLM does not say its weights' type."""

    def __init__(self, server: _Server, context: int | None, weights: str) -> None:
        self._server, self.context, self.weights = server, context, weights

    @classmethod
    def of(cls, server: _Server) -> _VllmTokens | None:
        try:
            found = _tokenized(server, _PROBE)
        except CannotAnswer:
            return None
        longest = found.get("max_model_len")
        return cls(server, longest if isinstance(longest, int) else None, str(found.get("weights") or "")) \
            if found.get("tokens") else None

    def prompt(self, question: str) -> list[int]:
        return [int(token) for token in _tokenized(self._server, question)["tokens"]]

    def nll(self, prompt: Sequence[int], answer: Sequence[int]) -> float | None:
        ids = [*prompt, *answer]
        made = self._server.post("/v1/completions", {"model": self._server.model, "prompt": ids, "max_tokens": 1,
                                                     "temperature": 0, "prompt_logprobs": 1})
        told = made["choices"][0]["prompt_logprobs"][len(prompt):]
        return -sum(float(likely[str(token)]["logprob"]) for token, likely in zip(answer, told, strict=True)) / len(
            answer)


def _tokenized(server: _Server, question: str) -> Reply:
    return server.post("/tokenize", {"model": server.model, "messages": [{"role": "user", "content": question}],
                                     "add_generation_prompt": True})


class _LlamaCppTokens:
    """`/apply-template` and `/tokenize` give the prompt; a grammar of its tokens makes an answer the only one."""

    def __init__(self, server: _Server, context: int | None, weights: str) -> None:
        self._server, self.context, self.weights = server, context, weights

    @classmethod
    def of(cls, server: _Server) -> _LlamaCppTokens | None:
        try:
            server.post("/apply-template", {"messages": [{"role": "user", "content": _PROBE}]})
            said = server.get("/props")
        except CannotAnswer:
            return None
        longest = (said.get("default_generation_settings") or {}).get("n_ctx")
        return cls(server, longest if isinstance(longest, int) else None, str(said.get("model_ftype") or ""))

    def prompt(self, question: str) -> list[int]:
        text = self._server.post("/apply-template", {"messages": [{"role": "user", "content": question}]})["prompt"]
        found = self._server.post("/tokenize", {"content": text, "add_special": True, "parse_special": True})
        return [int(token) for token in found["tokens"]]

    def nll(self, prompt: Sequence[int], answer: Sequence[int]) -> float | None:
        """A grammar cannot hold a token that ends a text: it is over where that comes, and none may come before."""
        *before, last = answer
        grammar = " ".join(f"<[{token}]>" for token in before) or f"<[{last}]>"
        try:
            made = self._server.post("/completion", {
                "prompt": list(prompt), "n_predict": len(answer), "temperature": 0, "n_probs": 1, "repeat_penalty": 1.0,
                "grammar": f"root ::= {grammar}", "logit_bias": [[last, _BIAS]], "cache_prompt": True})
        except CannotAnswer as error:
            if "grammar" in str(error):
                return None
            raise
        told = made["completion_probabilities"]
        if [step["id"] for step in told] != list(answer):
            return None
        return -sum(float(step["logprob"]) for step in told) / len(answer)
