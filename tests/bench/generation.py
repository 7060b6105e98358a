"""Answers a second: our loop against the plain way with the same library, and against what the machine could do.

The plain way: one question at a time, fp32, the library's `generate`. The machine's limit for the same work is the
sum over its turns, prompts and steps alike, with the rows that were at work in each: the weights and the rows' keys
and values read once from memory, or the turn's products, whichever takes longer.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from knowledge.domain import domain_of
from knowledge.kubernetes.notes import read_notes
from knowledge.kubernetes.topics import TOPICS
from knowledge.questions import PRACTICE
from runner import hardware
from runner.protocols import GenerationConfig
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import prompt_ids
from runner.teacher.offline_teacher import OfflineTeacher
from store.config import preset
from store.paths import default_paths
from tests.bench.machine import limits
from tests.bench.row import Row

QUESTIONS, PLAIN_QUESTIONS, ROUNDS, NEW_TOKENS = 96, 2, 2, 64


def measure_generation() -> list[Row]:
    """Tokens a second of all ways, each round one after the other, medians of the rounds."""
    hardware.configure_native_libraries()
    config = preset("embedded")
    fast = LocalStudent.open(config, default_paths().models)
    exact = LocalStudent.open(preset("embedded", precision="fp32"), default_paths().models)
    questions = _questions(QUESTIONS)
    ways: dict[str, Callable[[], tuple[int, float]]] = {
        "the library, one question at a time, fp32": lambda: _plain(exact, questions[:PLAIN_QUESTIONS]),
        "ours, 12 questions": lambda: _ours(fast, questions[:12]),
        "ours, 24 questions": lambda: _ours(fast, questions[:24]),
        f"ours, {QUESTIONS} questions": lambda: _ours(fast, questions),
    }
    fast.answer(questions[:2], _decoding(4), 1, None)
    rates: dict[str, list[float]] = {what: [] for what in ways}
    for _ in range(ROUNDS):
        for what, work in ways.items():
            tokens, seconds = work()
            rates[what].append(tokens / seconds)
    medians = {what: statistics.median(values) for what, values in rates.items()}
    plain = next(iter(ways))
    limit, products = _limit(fast, questions), _products(fast, QUESTIONS)
    return [
        Row(plain, medians[plain], "tokens/s"),
        *(Row(what, rate, "tokens/s", rate / medians[plain], plain, ">= 30 x" if str(QUESTIONS) in what else "")
          for what, rate in medians.items() if what != plain),
        Row(f"the machine's limit for the same turns ({fast.plan.precision})", limit, "tokens/s"),
        Row(f"ours, {QUESTIONS} questions", medians[f"ours, {QUESTIONS} questions"], "tokens/s",
            medians[f"ours, {QUESTIONS} questions"] / limit, "that limit", ">= 0.40 x"),
        Row(f"a step of {QUESTIONS} rows that is nothing but its products", products, "tokens/s"),
    ]


def _questions(count: int) -> list[Any]:
    domain = domain_of("Kubernetes v1.28", list(read_notes()))
    return OfflineTeacher().ask_questions(domain, [topic.slug for topic in TOPICS], count, PRACTICE, 1, [])


def _decoding(tokens: int) -> GenerationConfig:
    return GenerationConfig(tokens, 0.0, 0.95, 50, 1.1, 300.0)


def _ours(student: LocalStudent, questions: list[Any]) -> tuple[int, float]:
    began = time.perf_counter()
    tokens = sum(answer.tokens for part in student.answer(questions, _decoding(NEW_TOKENS), 1, None) for answer in part)
    return tokens, time.perf_counter() - began


def _plain(student: LocalStudent, questions: list[Any]) -> tuple[int, float]:
    model, tokenizer, form = student.loaded.model, student.loaded.tokenizer, student.form
    began, tokens = time.perf_counter(), 0
    with torch.inference_mode():
        for question in questions:
            ids = torch.tensor([prompt_ids(tokenizer, form, question.text)])
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False,
                                  repetition_penalty=1.1, eos_token_id=list(form.stop_ids), pad_token_id=form.end_id)
            tokens += made.shape[1] - ids.shape[1]
    return tokens, time.perf_counter() - began


class _Watched:
    """Rows that note each turn: the tokens worked on, those that ask for logits, the cached ones looked back on."""

    def __init__(self, rows: Any) -> None:
        self.rows, self.turns = rows, list[tuple[int, int, int]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows, name)

    def prefill(self, prompts: Sequence[list[int]], longest: int) -> torch.Tensor:
        self.turns.append((sum(map(len, prompts)), len(prompts), 0))
        return self.rows.prefill(prompts, longest)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self.turns.append((len(tokens), len(tokens), int(self.rows.lengths.sum())))
        return self.rows.step(tokens)


def _limit(student: LocalStudent, questions: list[Any]) -> float:
    """Tokens a second, were each turn of answering these questions as quick as the machine's memory or products."""
    model, found, watched = student.loaded.model, limits(student.loaded.model.dtype), list[_Watched]()
    make = student._rows

    def watch(adapter: Path | None, asked: int) -> Any:
        watched.append(_Watched(make(adapter, asked)))
        return watched[-1]

    with mock.patch.object(student, "_rows", watch):
        tokens, _ = _ours(student, questions)
    config, weights, head = model.config, student.loaded.parameters, model.lm_head.weight.numel()
    size = torch.finfo(model.dtype).bits // 8
    heads = config.num_key_value_heads * config.hidden_size // config.num_attention_heads
    cached = 2 * config.num_hidden_layers * heads
    seconds = sum(max((weights + seen * cached) * size / found.bytes_per_second,
                      2 * ((weights - head) * worked + head * asked) / found.flops)
                  for worked, asked, seen in watched[0].turns)
    return tokens / seconds


def _products(student: LocalStudent, rows: int, steps: int = 20) -> float:
    """Tokens a second of a step that is nothing but its products: what attention and the rest could at best come to.

    They are small ones, of a hidden size of hundreds and `rows` rows, and do not reach the rate of large products.
    """
    weights = student._rows(None, rows).weights  # type: ignore[attr-defined]
    hidden = torch.randn(rows, weights.embedding.shape[1], dtype=weights.dtype)
    with torch.inference_mode():
        for step in range(steps + 1):
            if step == 1:  # the first chooses kernels
                began = time.perf_counter()
            for layer in weights.layers:
                attended = layer.qkv(hidden)[:, : hidden.shape[1]]
                layer.down.plus(layer.up.times(hidden, layer.gate.silu(hidden)), layer.out.plus(attended, hidden))
            weights.head(hidden)
    return rows * steps / (time.perf_counter() - began)
