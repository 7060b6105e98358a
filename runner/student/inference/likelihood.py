"""Likelihood of given answers under a student: needs no generation and no judge, and is the least noisy metric."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from runner.protocols import Likelihood
from runner.student.inference.shared_threads import SharedThreads
from runner.student.prompt_template import PromptTemplate, Tokenizer, answer_ids, prompt_ids


Losses = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(ids, mask, labels), B x T each and padded on the right -> B sums of negative log-likelihoods in fp32.

Labels of -100 are ignored."""
_BATCH_TOKENS = 1024  # logits are 49,152 fp32 numbers a token on the embedded student: at most 200 MB a batch
_ROUND_LENGTH = 8
"""Rows are padded to a multiple of this: oneDNN compiles its products anew for each shape of a batch, a fifth of the
processor time where every batch had its own."""


def likelihoods(losses: Losses, context: int, tokenizer: Tokenizer, template: PromptTemplate,
                pairs: Sequence[tuple[str, str]], on_scored: Callable[[int], None] = lambda _so_far: None,
                side_by_side: int = 1) -> list[Likelihood]:
    """The likelihood of each (question, answer) pair, in the given order; computed in batches of similar length.

    Args:
        losses: computes a batch; called from several threads if more than one is computed at a time.
        context: the longest sequence.
        tokenizer: the student's.
        template: its prompt template.
        pairs: questions and answers.
        on_scored: called after each batch with the number of scored pairs; may raise to stop.
        side_by_side: batches computed at a time, each by its share of torch's threads. A batch of a small model is too
            little work for several threads.
    """
    truncated = [cut_to_context(prompt_ids(tokenizer, template, question), answer_ids(tokenizer, template, answer),
                                context) for question, answer in pairs]
    order = sorted(range(len(truncated)), key=lambda index: len(truncated[index][0]) + len(truncated[index][1]))
    found: dict[int, Likelihood] = {}
    lengths = [min(rounded_up(len(prompt) + len(answer), _ROUND_LENGTH), context) for prompt, answer, _ in truncated]
    batches = list(_batches(order, lengths))
    with contextlib.closing(SharedThreads(side_by_side)) as threads:
        for batch, scores in zip(batches, threads.map(lambda batch: _mean_nll(
                losses, [truncated[index][:2] for index in batch], lengths[batch[-1]]), batches), strict=True):
            for index, nll in zip(batch, scores, strict=True):
                found[index] = Likelihood(nll, len(truncated[index][1]), truncated[index][2])
            on_scored(len(found))
    return [found[index] for index in range(len(truncated))]


def cut_to_context(prompt: list[int], answer: list[int], context: int) -> tuple[list[int], list[int], bool]:
    """Cut to the context: the prompt from the left, to no less than half the context, then the answer from the right.

    The last value is whether anything was cut.
    """
    if len(prompt) + len(answer) <= context:
        return prompt, answer, False
    prompt = prompt[-max(1, context - min(len(answer), context // 2)):]
    return prompt, answer[: context - len(prompt)], True


def _batches(order: list[int], lengths: list[int]) -> Iterator[list[int]]:
    """Split `order` (shortest first) into batches of at most `_BATCH_TOKENS` padded tokens."""
    batch: list[int] = []
    for index in order:
        if batch and lengths[index] * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def rounded_up(count: int, to: int) -> int:
    """The next multiple of `to`."""
    return -(-count // to) * to


@torch.inference_mode()
def _mean_nll(losses: Losses, batch: list[tuple[list[int], list[int]]], width: int) -> list[float]:
    """Mean negative log-likelihood per answer token. Shapes: B rows, `width` positions.

    Padded on the right, which a causal model ignores.
    """
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), -100)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    for row, (prompt, answer) in enumerate(batch):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : end] = torch.tensor(answer)
        mask[row, :end] = 1
    return [float(value) for value in losses(ids, mask, labels) / (labels != -100).sum(1)]


def shift_labels(labels: torch.Tensor) -> torch.Tensor:
    """The label that each position predicts, B x T: that of the next position; -100 at a row's last."""
    return labels.roll(-1, 1).index_fill(1, torch.tensor([labels.shape[1] - 1]), -100)


def hf_losses(model: Any) -> Losses:
    """Likelihoods by transformers' forward pass, on the model's device."""
    return lambda *inputs: token_losses(model, *(one.to(model.device) for one in inputs)).sum(1).cpu()


def token_losses(model: Any, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each label, B x K in fp32, 0 where a row has none; also used in training.

    Logits are computed only for the K positions where any row has a label: the output layer is a fifth of the embedded
    student's work.
    """
    next_labels = labels[:, 1:]
    positions = (next_labels != -100).any(0).nonzero().squeeze(1)
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=positions, use_cache=False).logits
    kept_labels = next_labels[:, positions]
    losses = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), kept_labels.flatten(), reduction="none",
                                               ignore_index=-100)
    return losses.view(kept_labels.shape)
