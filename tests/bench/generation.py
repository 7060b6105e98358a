"""Answers a second: our loop against the plain way with the same library, and against what the machine could do.

The plain way: one question at a time, fp32, the library's `generate`. The machine's limit for a step of B rows: the
weights and the rows' keys and values read once from memory, or their products, whichever takes longer.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from knowledge.domain import domain_of
from knowledge.notes import read_notes
from knowledge.questions import PRACTICE
from knowledge.topics import TOPICS
from runner import hardware
from runner.roles import Decoding
from runner.student.local import LocalStudent
from runner.student.prompt import prompt_ids
from runner.teacher.offline import OfflineTeacher
from store.config import preset
from store.locations import locations
from tests.bench.machine import limits
from tests.bench.row import Row

QUESTIONS, PLAIN_QUESTIONS, ROUNDS, NEW_TOKENS = 96, 2, 2, 64


def measure_generation() -> list[Row]:
    """Tokens a second of all ways, each round one after the other, medians of the rounds."""
    hardware.settle_libraries()
    config = preset("embedded")
    fast = LocalStudent.open(config, locations().models)
    exact = LocalStudent.open(preset("embedded", precision="fp32"), locations().models)
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
    limit, products = _limit(fast, QUESTIONS), _products(fast, QUESTIONS)
    return [
        Row(plain, medians[plain], "tokens/s"),
        *(Row(what, rate, "tokens/s", rate / medians[plain], plain, ">= 30 x" if str(QUESTIONS) in what else "")
          for what, rate in medians.items() if what != plain),
        Row(f"the machine's limit for a step of {QUESTIONS} rows ({fast.plan.precision})", limit, "tokens/s"),
        Row(f"ours, {QUESTIONS} questions", medians[f"ours, {QUESTIONS} questions"], "tokens/s",
            medians[f"ours, {QUESTIONS} questions"] / limit, "that limit", ">= 0.40 x"),
        Row(f"the products of a step of {QUESTIONS} rows alone, at their own shapes", products, "tokens/s",
            products / limit, "that limit"),
    ]


def _questions(count: int) -> list[Any]:
    domain = domain_of("Kubernetes v1.28", list(read_notes()))
    return OfflineTeacher().ask(domain, [topic.slug for topic in TOPICS], count, PRACTICE, 1, [])


def _decoding(tokens: int) -> Decoding:
    return Decoding(tokens, 0.0, 0.95, 50, 1.1, 300.0)


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


def _limit(student: LocalStudent, rows: int, length: int = 80) -> float:
    """Tokens a second, where each step reads all weights and the rows' caches once and does all products."""
    config, dtype = student.loaded.model.config, student.loaded.model.dtype
    found = limits(dtype)
    weights = student.loaded.parameters
    size = torch.finfo(dtype).bits // 8
    head = config.hidden_size // config.num_attention_heads
    cache = rows * length * config.num_hidden_layers * 2 * config.num_key_value_heads * head
    seconds = max((weights + cache) * size / found.bytes_per_second, 2 * weights * rows / found.flops)
    return rows / seconds


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
