"""A student that a server with its weights, such as vLLM on a GPU, answers and scores for; it is trained here.

All of a run's answers come from the same engine: the address is a setting of the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import monotonic
from typing import Any

from knowledge.questions import Question, question_id
from runner.protocols import (
    Answer, GenerationConfig, Likelihood, StudentInfo, TrainingConfig, TrainingExample, TrainingResult, TrainingStep,
)
from runner.student.completion_server import CompletionServer
from runner.student.errors import AdapterLoadFailed, ModelLoadFailed
from runner.student.inference.continuous_batching import question_rng
from runner.student.inference.likelihood import cut_to_context
from runner.student.inference.stop_texts import cut_at_stop
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import answer_ids, prompt_ids

AT_ONCE = 32
"""Requests that the server has at a time; it makes its own batches of them."""
_PROBE = ("What does a Service do for a Pod?", "It gives a set of Pods one address.")
_SAME = 0.1
"""Nats per token that likelihoods of one model may differ between two engines and precisions."""


class ServedStudent:
    """Implements `protocols.StreamingStudent`."""

    def __init__(self, local: LocalStudent, server: CompletionServer) -> None:
        """Combine the weights of this machine, which are trained, with the server, which answers.

        Raises:
            ModelLoadFailed: the server has other weights.
        """
        self.local, self.server = local, server
        self._applied: set[str] = set()
        name = server.find_model(local.source)
        self.info = served_info(local.info, server.address)
        here, there = local.likelihoods([_PROBE], None)[0].nll, self._likelihood(_PROBE, None).nll
        if abs(here - there) > _SAME:
            raise ModelLoadFailed(f"{name} at {server.address} is not the student {local.info.name!r}: the same text "
                                  f"has {there:.2f} nats a token there and {here:.2f} here; serve the same weights, "
                                  "unquantized")

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        name = self._adapter(adapter)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            asked = [pool.submit(self._answer, question.id, question.text, decoding, seed, name)
                     for question in questions]
            for future in as_completed(asked):
                yield [future.result()]
        finally:
            pool.shutdown(cancel_futures=True)

    def stream(self, question: str, decoding: GenerationConfig, seed: int, adapter: Path | None) -> Iterator[str]:
        """Yield the answer in one piece."""
        answer = self._answer(question_id(question), question, decoding, seed, self._adapter(adapter))
        yield answer.text or ""

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        name = self._adapter(adapter)
        found = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for one in pool.map(lambda pair: self._likelihood(pair, name), pairs):
                found.append(one)
                on_scored(len(found))
        return found

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        return self.local.fits_context(question, answer_tokens)

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None], until: int | None = None) -> TrainingResult:
        return self.local.fine_tune(examples, recipe, start, to, on_step, until)

    def _adapter(self, folder: Path | None) -> str | None:
        """The adapter's name at the server, once it is seen to change what the server says."""
        if folder is None:
            return None
        name = self.server.load_adapter(folder)
        if name not in self._applied:
            if self._likelihood(_PROBE, name).nll == self._likelihood(_PROBE, None).nll:
                raise AdapterLoadFailed(f"{self.server.address} took the adapter {folder} and answers as without it: "
                                        "its likelihoods are the same to the last digit; start it with --enable-lora")
            self._applied.add(name)
        return name

    def _answer(self, question: str, text: str, decoding: GenerationConfig, seed: int, adapter: str | None) -> Answer:
        template, tokenizer, context = self.local.template, self.local.loaded.tokenizer, self.local.loaded.context
        prompt = prompt_ids(tokenizer, template, text)
        if len(prompt) >= context:
            return Answer(question, None, 0, 0.0, "question longer than the student's context")
        began = monotonic()
        found = self.server.complete(prompt, adapter, {
            "max_tokens": min(decoding.max_new_tokens, context - len(prompt)), "seed": _seed(seed, question),
            "stop_token_ids": list(template.stop_ids), "stop": list(template.stop_texts) or None,
            **_sampling(decoding)})
        said = cut_at_stop(template, found.text)[0].strip()
        return Answer(question, said or None, found.tokens, monotonic() - began, None if said else "empty",
                      cut_off=not found.ended)

    def _likelihood(self, pair: tuple[str, str], adapter: str | None) -> Likelihood:
        template, tokenizer = self.local.template, self.local.loaded.tokenizer
        prompt, answer, cut = cut_to_context(prompt_ids(tokenizer, template, pair[0]),
                                             answer_ids(tokenizer, template, pair[1]), self.local.loaded.context - 1)
        logprobs = self.server.logprobs(prompt + answer, adapter)
        return Likelihood(-sum(logprobs[-len(answer):]) / len(answer), len(answer), cut)


def served_info(local: StudentInfo, address: str) -> StudentInfo:
    """Return the description of a student that a server answers for."""
    return dataclasses.replace(local, precision_reason=f"the server {address} answers and scores; for training: "
                                                       f"{local.precision_reason}")


def _seed(seed: int, question: str) -> int:
    """The question's own seed, the same for the untrained and the tuned student."""
    return question_rng(seed, question).initial_seed() & 0x7FFFFFFF


def _sampling(decoding: GenerationConfig) -> dict[str, Any]:
    """Decoding settings in vLLM's names."""
    if decoding.temperature <= 0:
        return {"temperature": 0, "repetition_penalty": decoding.repetition_penalty}
    return {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": decoding.top_k,
            "repetition_penalty": decoding.repetition_penalty}
