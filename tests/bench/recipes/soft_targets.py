"""Soft targets of context distillation: what the untrained student predicts with the passage before the question.

The student is trained towards its own top-50 next-token probabilities at temperature 2 (forward KL) besides the labels.
A recipe of the lab only: the product trains on labels alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import patch

import torch

from runner.protocols import TrainingExample
from runner.student import trainer
from runner.student.inference.likelihood import shift_labels
from runner.student.llama_cpu import training_loss
from runner.student.llama_cpu.decoder import LlamaDecodeBatch
from runner.student.llama_cpu.training_block import SampleMask
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import prompt_ids
from runner.student.trainer import example_ids

TOP, TEMPERATURE = 50, 2.0
_ROWS = 8  # as many labels per softmax as the loss on labels alone takes

Targets = tuple[torch.Tensor, torch.Tensor]
"""Of the N tokens of an answer: ids of the likeliest tokens, and their probabilities; N x TOP each."""


def soft_targets(student: LocalStudent, examples: Sequence[TrainingExample],
                 contexts: Mapping[str, str]) -> dict[tuple[int, ...], Targets]:
    """Token ids of a training example -> its targets; examples without a context or a prompt have none.

    Args:
        contexts: answer -> passage and reference, which the untrained student reads before the question. An answer's
            targets are computed once, with the first of its prompts.
    """
    weights = student._packed_weights_for(None)
    assert weights is not None
    of_answer: dict[tuple[str, bool], Targets] = {}
    found: dict[tuple[int, ...], Targets] = {}
    for example in examples:
        context = contexts.get(example.answer)
        if not context or not example.question:
            continue
        prompt, answer = example_ids(student.loaded.tokenizer, student.template, example)
        key = (example.answer, example.complete)
        if key not in of_answer:
            shown = prompt_ids(student.loaded.tokenizer, student.template, f"{context}\n\n{example.question}")
            of_answer[key] = _targets(LlamaDecodeBatch(weights, 1), shown, answer)
        found[tuple(prompt + answer)] = of_answer[key]
    return found


@torch.inference_mode()
def _targets(batch: LlamaDecodeBatch, prompt: list[int], answer: list[int]) -> Targets:
    ids = torch.tensor([prompt + answer])
    batch._grow_kv_cache(ids.shape[1])
    at = torch.arange(len(prompt) - 1, ids.shape[1] - 1)
    logits = batch._forward(ids, torch.arange(ids.shape[1]), slice(0, 1), at)
    best = logits.float().topk(TOP, -1)
    return best.indices.clone(), (best.values / TEMPERATURE).softmax(-1)


@contextlib.contextmanager
def training_towards(targets: Mapping[tuple[int, ...], Targets], weight: float) -> Iterator[None]:
    """Trainings inside minimize (1 - weight) x cross-entropy + weight x KL x temperature squared."""
    current: list[Targets | None] = []

    class Loss(training_loss.FusedLoraLoss):
        def __init__(self, adapted: Any, max_tokens: int | None = None, side_by_side: int = 1) -> None:
            super().__init__(adapted, max_tokens)  # one group at a time: its targets are kept here

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor,
                    sample_mask: SampleMask) -> tuple[torch.Tensor, Any]:
            current[:] = [targets.get(tuple(row[kept].tolist())) for row, kept in zip(ids, mask, strict=True)]
            counts = (shift_labels(labels) != -100).sum(1).tolist()
            self.rows = [(rows if rows and len(rows[0]) == count else None, count)
                         for rows, count in zip(current, counts, strict=True)]
            with patch.object(training_loss, "cross_entropy_with_grad", self.softened):
                return super().forward(ids, mask, labels, sample_mask)

        def softened(self, hidden: torch.Tensor, head: torch.Tensor,
                     labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            logits, total, first = hidden @ head.t(), hidden.new_zeros((), dtype=torch.float32), 0
            for rows, count in self.rows:
                for start in range(first, first + count, _ROWS):
                    part = slice(start, min(start + _ROWS, first + count))
                    mine = None if rows is None else tuple(one[part.start - first:part.stop - first] for one in rows)
                    loss, grad = mixed_loss(logits[part].float(), labels[part], mine, weight)
                    total += loss
                    logits[part] = grad.to(logits.dtype)
                first += count
            return total, logits @ head

    with patch.object(trainer, "FusedLoraLoss", Loss):
        yield


def mixed_loss(logits: torch.Tensor, labels: torch.Tensor, targets: tuple[torch.Tensor, ...] | None,
               weight: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The summed loss of K tokens and its gradient with respect to their logits (K x V, fp32).

    Args:
        targets: None for cross-entropy alone.
        weight: of the KL divergence, 0 to 1.
    """
    logs = logits.log_softmax(-1)
    hard = -logs.gather(1, labels[:, None]).sum()
    grad = logs.exp().scatter_add(1, labels[:, None], logits.new_full((len(labels), 1), -1.0))
    if targets is None:
        return hard, grad
    ids, probs = targets
    soft = (logits / TEMPERATURE).log_softmax(-1)
    kl = (probs * (probs.clamp_min(1e-9).log() - soft.gather(1, ids))).sum() * TEMPERATURE ** 2
    soft_grad = soft.exp().scatter_add(1, ids, -probs) * TEMPERATURE
    return (1 - weight) * hard + weight * kl, (1 - weight) * grad + weight * soft_grad
