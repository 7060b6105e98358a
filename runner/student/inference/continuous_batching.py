"""Generate answers with continuous batching: the student's own decoding loop.

Used instead of transformers' `generate` for what that lacks: finished rows leave at once and waiting prompts take their
slots, and each question has its own random generator (so a sampled answer does not depend on the batch, and baseline
and tuned student use common random numbers). Repetition is penalized as `generate` does it, the token that ends an
answer included where the prompt holds it; runs of before exempt it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from runner.protocols import Answer, GenerationConfig
from runner.student.inference.decode_batch import DecodeBatch
from runner.student.inference.sampling import sample_next_tokens
from runner.student.inference.stop_texts import cut_at_stop
from runner.student.prompt_template import PromptTemplate, prompt_ids

_TAIL_TOKENS = 12  # enough to hold any stop text
_CHUNKS = 4  # prompts are admitted, and answers yielded, in chunks of at least a quarter of the slots


@dataclass
class GenerationState:
    """One sequence being generated."""

    question_id: str
    prompt: list[int]
    generator: torch.Generator
    ids: list[int] = field(default_factory=list)
    ended: bool = False
    seconds: float = 0.0
    """Its share of the time that its batches took."""
    deadline: float = 0.0


def generate(decode_batch: DecodeBatch, context: int, tokenizer: Any, template: PromptTemplate,
             questions: Sequence[tuple[str, str]], decoding: GenerationConfig, seed: int) -> Iterator[list[Answer]]:
    """Answer (question id, text) pairs; yields answers in groups as they finish, short questions first.

    `context` is the largest number of tokens that prompt and answer may have together.
    """
    rows = [GenerationState(id, prompt_ids(tokenizer, template, text), question_rng(seed, id))
            for id, text in questions]
    too_long = [row for row in rows if len(row.prompt) >= context]
    if too_long:
        yield [Answer(row.question_id, None, 0, 0.0, "question longer than the student's context") for row in too_long]
    waiting = sorted((row for row in rows if len(row.prompt) < context), key=lambda row: len(row.prompt))
    if waiting:
        yield from DecodingLoop(decode_batch, context, tokenizer, template, decoding, waiting).answers()


def question_rng(seed: int, question_id: str) -> torch.Generator:
    """The question's own random generator; independent of the batch and of the adapter."""
    digest = hashlib.sha256(f"{seed}:{question_id}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class DecodingLoop:
    """Admits prompts, decodes token by token, removes finished rows, until no row is waiting or running."""

    def __init__(self, decode_batch: DecodeBatch, context: int, tokenizer: Any, template: PromptTemplate,
                 decoding: GenerationConfig, waiting: list[GenerationState]) -> None:
        self.decode_batch, self.tokenizer, self.template = decode_batch, tokenizer, template
        self.decoding = decoding
        self.exempt = () if decoding.penalize_end else template.stop_ids
        self.waiting, self.running, self.finished = waiting, list[GenerationState](), list[GenerationState]()
        self.longest = min(context, len(waiting[-1].prompt) + decoding.max_new_tokens)
        self.min_chunk = max(1, min(decode_batch.free_slots(), len(waiting)) // _CHUNKS)
        self.context_ids = torch.zeros(0, self.longest, dtype=torch.long)
        """Running rows x longest: the ids of prompt and answer so far, padded with the prompt's first id."""

    def answers(self) -> Iterator[list[Answer]]:
        while self.step():
            if len(self.finished) >= self.min_chunk or not self.running:
                done, self.finished = self.finished, []
                yield [self._answer(row) for row in done]

    def step(self) -> bool:
        """Admit waiting prompts, or generate one token for each running row; False when there is nothing left to do."""
        if self.waiting and (not self.running or self.decode_batch.free_slots() >= self.min_chunk):
            self._admit()
        elif self.running:
            self._step()
        else:
            return False
        return True

    @torch.inference_mode()
    def _admit(self) -> None:
        began = time.monotonic()
        slots = self.decode_batch.free_slots()
        new, self.waiting = self.waiting[:slots], self.waiting[slots:]
        self.running += new
        new_ids = torch.tensor([(row.prompt + row.prompt[:1] * self.longest)[: self.longest] for row in new])
        self.context_ids = torch.cat([self.context_ids, new_ids])
        for row in new:
            row.deadline = began + self.decoding.max_seconds
        logits = self.decode_batch.prefill([row.prompt for row in new], self.longest)
        self._sample_and_update(logits, len(self.running) - len(new), began)

    @torch.inference_mode()
    def _step(self) -> None:
        began = time.monotonic()
        tokens = torch.tensor([row.ids[-1] for row in self.running], device=self._device)
        self._sample_and_update(self.decode_batch.step(tokens), 0, began)

    def _sample_and_update(self, logits: torch.Tensor, first: int, began: float) -> None:
        """Sample a token for every row from index `first` on; drop the rows that it finishes."""
        self._device = logits.device
        rows = self.running[first:]
        width = max(len(row.prompt) + len(row.ids) for row in rows)
        picked = sample_next_tokens(logits.float(), self.context_ids[first:, :width].to(logits.device),
                                    self.exempt, self.decoding, [row.generator for row in rows])
        now = time.monotonic()
        unfinished = list(range(first))
        for index, (row, token) in enumerate(zip(rows, picked.tolist(), strict=True), start=first):
            row.seconds += (now - began) / len(rows)
            if not self._is_finished(row, token) and now < row.deadline:
                self.context_ids[index, len(row.prompt) + len(row.ids) - 1] = token
                unfinished.append(index)
            else:
                self.finished.append(row)
        if len(unfinished) < len(self.running):
            order = self.decode_batch.retain(unfinished)
            self.running = [self.running[index] for index in order]
            self.context_ids = self.context_ids[torch.tensor(order, dtype=torch.long)]

    def _is_finished(self, row: GenerationState, token: int) -> bool:
        """Append a token to its row; True if that ends the answer, by a stop token or text or by its length."""
        if token in self.template.stop_ids:
            row.ended = True
            return True
        row.ids.append(token)
        tail = self.tokenizer.decode(row.ids[-_TAIL_TOKENS:]) if self.template.stop_texts else ""
        row.ended = cut_at_stop(self.template, tail)[1]
        return row.ended or len(row.ids) >= min(self.decoding.max_new_tokens, self.longest - len(row.prompt))

    def text(self, row: GenerationState) -> str:
        """The answer so far."""
        return cut_at_stop(self.template, self.tokenizer.decode(row.ids, skip_special_tokens=True))[0].strip()

    def _answer(self, row: GenerationState) -> Answer:
        text = self.text(row)
        return Answer(row.question_id, text or None, len(row.ids), row.seconds, None if text else "empty",
                      cut_off=not row.ended)
