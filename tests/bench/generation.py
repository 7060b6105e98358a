"""Answer tokens per second: our decoding loop against transformers' `generate`, and against the machine's own limits.

The reference: `generate` on the bf16 model, prompts padded on the left, batches of 24 and of 48 questions, greedy with
the same repetition penalty and the same longest answer. In both ways an answer's end token and the padding after it do
not count. The machine's limit for the same work is the sum over our forward passes, prefill and decode alike, with the
rows active in each: the weights and the rows' keys and values read once from memory, or the pass's products, whichever
takes longer.
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
from store.paths import default_paths
from tests.bench.machine import limits
from tests.bench.row import Row
from tests.plain_runs import plain_run

QUESTIONS, ROUNDS, NEW_TOKENS = 96, 2, 64
SMALL_BATCH, LARGE_BATCH = 24, 48
REFERENCE = "transformers, bf16, batches of {}"


def measure_generation() -> list[Row]:
    """Tokens per second of each way, one after the other in each round, medians of the rounds."""
    hardware.configure_native_libraries()
    student = LocalStudent.open(plain_run(precision="bf16"), default_paths().models)
    questions = _questions(QUESTIONS)
    few, many = REFERENCE.format(SMALL_BATCH), REFERENCE.format(LARGE_BATCH)
    ours_few, ours_many = (f"ours, {count} questions" for count in (SMALL_BATCH, QUESTIONS))
    ways: dict[str, Callable[[], tuple[int, float]]] = {
        few: lambda: _transformers(student, questions[:SMALL_BATCH], SMALL_BATCH),
        ours_few: lambda: _ours(student, questions[:SMALL_BATCH]),
        many: lambda: _transformers(student, questions, LARGE_BATCH),
        ours_many: lambda: _ours(student, questions),
        "ours, 12 questions": lambda: _ours(student, questions[:12]),
    }
    student.answer(questions[:2], _decoding(4), 1, None)
    rates: dict[str, list[float]] = {what: [] for what in ways}
    for _ in range(ROUNDS):
        for what, work in ways.items():
            tokens, seconds = work()
            rates[what].append(tokens / seconds)
    medians = {what: statistics.median(values) for what, values in rates.items()}
    limit, products = _limit(student, questions), _products(student, QUESTIONS)
    return [
        Row(few, medians[few], "tokens/s"),
        Row(ours_few, medians[ours_few], "tokens/s", medians[ours_few] / medians[few], few, ">= 1.20 x"),
        Row(many, medians[many], "tokens/s"),
        Row(ours_many, medians[ours_many], "tokens/s", medians[ours_many] / medians[many], many, ">= 1.20 x"),
        Row("ours, 12 questions", medians["ours, 12 questions"], "tokens/s"),
        Row("the machine's limit for the same forward passes (bf16)", limit, "tokens/s"),
        Row(ours_many, medians[ours_many], "tokens/s", medians[ours_many] / limit, "that limit", ">= 0.40 x"),
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


def _transformers(student: LocalStudent, questions: list[Any], batch: int) -> tuple[int, float]:
    """Answer tokens and seconds; a batch ends when its longest answer does."""
    model, tokenizer, form = student.loaded.model, student.loaded.hf_tokenizer, student.template
    began, tokens = time.perf_counter(), 0
    with torch.inference_mode():
        for part in (questions[start : start + batch] for start in range(0, len(questions), batch)):
            prompts = [prompt_ids(tokenizer, form, question.text) for question in part]
            longest = max(map(len, prompts))
            ids = torch.tensor([[form.end_id] * (longest - len(prompt)) + prompt for prompt in prompts])
            mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
            made = model.generate(ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False,
                                  repetition_penalty=1.1, eos_token_id=list(form.stop_ids), pad_token_id=form.end_id)
            tokens += sum(answer_tokens(row, form.stop_ids) for row in made[:, longest:].tolist())
    return tokens, time.perf_counter() - began


def answer_tokens(row: Sequence[int], stop_ids: Sequence[int]) -> int:
    """How many tokens of a row come before its first end token; all of them where it has none."""
    return next((index for index, token in enumerate(row) if token in stop_ids), len(row))


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
    make = student._decode_batch

    def watch(adapter: Path | None, asked: int) -> Any:
        watched.append(_Watched(make(adapter, asked)))
        return watched[-1]

    with mock.patch.object(student, "_decode_batch", watch):
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
    weights = student._decode_batch(None, rows).weights  # type: ignore[attr-defined]
    hidden = torch.randn(rows, weights.embedding.shape[1], dtype=weights.dtype)
    with torch.inference_mode():
        for step in range(steps + 1):
            if step == 1:  # the first chooses kernels
                began = time.perf_counter()
            for layer in weights.layers:
                attended = layer.qkv(hidden)[:, : hidden.shape[1]]
                layer.down.add(layer.up.mul(hidden, layer.gate.silu(hidden)), layer.out.add(attended, hidden))
            weights.head(hidden)
    return rows * steps / (time.perf_counter() - began)
