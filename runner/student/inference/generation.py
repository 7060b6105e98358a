"""Answers: the student's own decoding loop.

Own loop rather than the library's `generate`, for what it cannot do: rows that leave as soon as they are finished
and waiting ones that take their places, a random stream per question (so that a sampled answer does not depend on
its company, and baseline and tuned share their luck), and an end token that the repetition penalty spares.
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
from runner.student.prompt_template import PromptTemplate, cut_at_stop, prompt_ids

_TAIL_TOKENS = 12  # enough to hold any stop text
_PIECE_TOKENS = 4  # rows are taken in, and answers handed out, a quarter of the places at a time


@dataclass
class GenerationState:
    """One answer in the making."""

    question_id: str
    prompt: list[int]
    stream: torch.Generator
    ids: list[int] = field(default_factory=list)
    ended: bool = False
    seconds: float = 0.0
    """Its share of the time that it and its company took."""
    deadline: float = 0.0


def generate(rows: DecodeBatch, context: int, tokenizer: Any, form: PromptTemplate,
             questions: Sequence[tuple[str, str]],
             decoding: GenerationConfig, seed: int) -> Iterator[list[Answer]]:
    """Answers to (question id, text) pairs, some at a time as they are finished, the short questions first.

    `context` is how many tokens prompt and answer may have together.
    """
    asked = [GenerationState(id, prompt_ids(tokenizer, form, text), question_rng(seed, id)) for id, text in questions]
    too_long = [row for row in asked if len(row.prompt) >= context]
    if too_long:
        yield [Answer(row.question_id, None, 0, 0.0, "question longer than the student's context") for row in too_long]
    waiting = sorted((row for row in asked if len(row.prompt) < context), key=lambda row: len(row.prompt))
    if waiting:
        yield from DecodingLoop(rows, context, tokenizer, form, decoding, waiting).answers()


def question_rng(seed: int, question_id: str) -> torch.Generator:
    """The question's own random numbers, the same in any company and for any adapter."""
    digest = hashlib.sha256(f"{seed}:{question_id}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class DecodingLoop:
    """Takes rows in, steps them on, lets them go, until none waits and none is at work."""

    def __init__(self, rows: DecodeBatch, context: int, tokenizer: Any, form: PromptTemplate,
                 decoding: GenerationConfig,
                 waiting: list[GenerationState]) -> None:
        self.rows, self.tokenizer, self.form, self.decoding = rows, tokenizer, form, decoding
        self.waiting, self.running, self.finished = waiting, list[GenerationState](), list[GenerationState]()
        self.longest = min(context, len(waiting[-1].prompt) + decoding.max_new_tokens)
        self.part = max(1, min(rows.free_slots(), len(waiting)) // _PIECE_TOKENS)
        self.seen = torch.zeros(0, self.longest, dtype=torch.long)
        """Running rows x longest: the ids of prompt and answer so far, then the prompt's first id."""

    def answers(self) -> Iterator[list[Answer]]:
        while self.step():
            if len(self.finished) >= self.part or not self.running:
                done, self.finished = self.finished, []
                yield [self._answer(row) for row in done]

    def step(self) -> bool:
        """Take rows in, or step on those at work; False where there is nothing left to do."""
        if self.waiting and (not self.running or self.rows.free_slots() >= self.part):
            self._admit()
        elif self.running:
            self._step()
        else:
            return False
        return True

    @torch.inference_mode()
    def _admit(self) -> None:
        began = time.monotonic()
        room = self.rows.free_slots()
        new, self.waiting = self.waiting[:room], self.waiting[room:]
        self.running += new
        beside = torch.tensor([(row.prompt + row.prompt[:1] * self.longest)[: self.longest] for row in new])
        self.seen = torch.cat([self.seen, beside])
        for row in new:
            row.deadline = began + self.decoding.max_seconds
        logits = self.rows.prefill([row.prompt for row in new], self.longest)
        self._sample_and_update(logits, len(self.running) - len(new), began)

    @torch.inference_mode()
    def _step(self) -> None:
        began = time.monotonic()
        tokens = torch.tensor([row.ids[-1] for row in self.running], device=self._device)
        self._sample_and_update(self.rows.step(tokens), 0, began)

    def _sample_and_update(self, logits: torch.Tensor, first: int, began: float) -> None:
        """Choose a token for every row from `first` on, and let those go that it ends."""
        self._device = logits.device
        at_work = self.running[first:]
        width = max(len(row.prompt) + len(row.ids) for row in at_work)
        picked = sample_next_tokens(logits.float(), self.seen[first:, :width].to(logits.device), self.form.stop_ids,
                                    self.decoding,
                                    [row.stream for row in at_work])
        now = time.monotonic()
        left = list(range(first))
        for at, (row, token) in enumerate(zip(at_work, picked.tolist(), strict=True), start=first):
            row.seconds += (now - began) / len(at_work)
            if not self._ends(row, token) and now < row.deadline:
                self.seen[at, len(row.prompt) + len(row.ids) - 1] = token
                left.append(at)
            else:
                self.finished.append(row)
        if len(left) < len(self.running):
            order = self.rows.retain(left)
            self.running = [self.running[at] for at in order]
            self.seen = self.seen[torch.tensor(order, dtype=torch.long)]

    def _ends(self, row: GenerationState, token: int) -> bool:
        """Add a token to its row; True where the answer is over, by itself or by its length."""
        if token in self.form.stop_ids:
            row.ended = True
            return True
        row.ids.append(token)
        tail = self.tokenizer.decode(row.ids[-_TAIL_TOKENS:]) if self.form.stop_texts else ""
        row.ended = cut_at_stop(self.form, tail)[1]
        return row.ended or len(row.ids) >= min(self.decoding.max_new_tokens, self.longest - len(row.prompt))

    def text(self, row: GenerationState) -> str:
        """The answer's words so far."""
        return cut_at_stop(self.form, self.tokenizer.decode(row.ids, skip_special_tokens=True))[0].strip()

    def _answer(self, row: GenerationState) -> Answer:
        text = self.text(row)
        return Answer(row.question_id, text or None, len(row.ids), row.seconds, None if text else "empty",
                      cut_off=not row.ended)
