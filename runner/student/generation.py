"""Answers, a batch at a time: the student's own decoding loop.

Own loop rather than the library's `generate`, for three things that it cannot do: a random stream per question
(so that a sampled answer does not depend on its batch, and baseline and tuned share their luck), rows that leave
the batch as soon as they are finished, and an end token that the repetition penalty spares.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from runner.roles import Answer, Decoding
from runner.student.prompt import PromptForm, cut_at_stop, prompt_ids
from runner.student.sampling import choose

_TAIL_TOKENS = 12  # enough to hold any stop text


@dataclass
class _Row:
    """One answer in the making."""

    question_id: str
    prompt: list[int]
    stream: torch.Generator
    ids: list[int] = field(default_factory=list)
    ended: bool = False
    missing: str | None = None


def generate(model: Any, tokenizer: Any, form: PromptForm, questions: Sequence[tuple[str, str]], decoding: Decoding,
             seed: int, batch_size: int) -> Iterator[list[Answer]]:
    """Answers to (question id, text) pairs, batch by batch, the short questions first."""
    context = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    rows = [_Row(id, prompt_ids(tokenizer, form, text), _stream(seed, id)) for id, text in questions]
    too_long = [row for row in rows if len(row.prompt) >= context]
    if too_long:
        yield [Answer(row.question_id, None, 0, 0.0, "question longer than the student's context") for row in too_long]
    fitting = sorted((row for row in rows if len(row.prompt) < context), key=lambda row: len(row.prompt))
    for at in range(0, len(fitting), batch_size):
        batch = fitting[at : at + batch_size]
        began = time.monotonic()
        _decode(model, tokenizer, form, batch, decoding, context)
        yield _answers(tokenizer, form, batch, time.monotonic() - began)


def _stream(seed: int, question_id: str) -> torch.Generator:
    """The question's own random numbers, the same in any batch and for any adapter."""
    digest = hashlib.sha256(f"{seed}:{question_id}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@torch.inference_mode()
def _decode(model: Any, tokenizer: Any, form: PromptForm, rows: list[_Row], decoding: Decoding, context: int) -> None:
    """Fill in the rows' ids. Shapes: rows B, prompt T, so far S; `seen` and `mask` are B x S."""
    seen, mask = _left_padded([row.prompt for row in rows], model.device)
    position = mask.sum(1, keepdim=True)
    inputs = {"input_ids": seen, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    running, cache = list(rows), None
    deadline = time.monotonic() + decoding.max_seconds
    for _ in range(min(decoding.max_new_tokens, context - seen.shape[1])):
        last = torch.tensor([inputs["input_ids"].shape[1] - 1], device=seen.device)
        # An index, not the number 1: a slice would not be contiguous, and torch would then copy the output layer's
        # weights once for every row (1.4 GB on the embedded student).
        output = model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=last)
        cache = output.past_key_values
        picked = choose(output.logits[:, -1].float(), seen, form.stop_ids, decoding, [row.stream for row in running])
        keep = [at for at, (row, token) in enumerate(zip(running, picked.tolist(), strict=True))
                if not _take(row, token, tokenizer, form)]
        if not keep or time.monotonic() > deadline:
            break
        if len(keep) < len(running):
            left = torch.tensor(keep, device=seen.device)
            cache.batch_select_indices(left)
            seen, mask, position, picked = seen[left], mask[left], position[left], picked[left]
            running = [running[at] for at in keep]
        seen = torch.cat([seen, picked[:, None]], 1)
        mask = torch.cat([mask, mask.new_ones(len(running), 1)], 1)
        inputs = {"input_ids": picked[:, None], "attention_mask": mask, "position_ids": position}
        position = position + 1


def _take(row: _Row, token: int, tokenizer: Any, form: PromptForm) -> bool:
    """Add a token to its row; True where that ends the answer."""
    if token in form.stop_ids:
        row.ended = True
        return True
    row.ids.append(token)
    if form.stop_texts and cut_at_stop(form, tokenizer.decode(row.ids[-_TAIL_TOKENS:]))[1]:
        row.ended = True
    return row.ended


def _left_padded(prompts: list[list[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, B x T. A row is padded with its own first token, which the mask hides."""
    width = max(map(len, prompts))
    ids = [[prompt[0]] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _answers(tokenizer: Any, form: PromptForm, rows: list[_Row], seconds: float) -> list[Answer]:
    """The finished batch; its wall time is shared out by tokens, one at least."""
    total = sum(max(1, len(row.ids)) for row in rows)
    answers = []
    for row in rows:
        text = cut_at_stop(form, tokenizer.decode(row.ids, skip_special_tokens=True))[0].strip()
        share = seconds * max(1, len(row.ids)) / total
        answers.append(Answer(row.question_id, text or None, len(row.ids), share,
                              None if text else "empty", cut_off=not row.ended))
    return answers
