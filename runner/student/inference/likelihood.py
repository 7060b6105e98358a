"""How likely a student finds given answers: no generation, no judge, and the least noise of all measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from runner.protocols import Likelihood
from runner.student.prompt_template import PromptTemplate, Tokenizer, answer_ids, prompt_ids


Losses = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Of ids, mask and labels, B x T each, padded on the right: the sum of each row's negative log-likelihoods, in fp32.
A label of -100 is none."""
_BATCH_TOKENS = 1024  # logits are 49,152 fp32 numbers a token on the embedded student: 200 MB a batch at the most


def likelihoods(losses: Losses, context: int, tokenizer: Tokenizer, form: PromptTemplate,
                pairs: Sequence[tuple[str, str]],
                on_weighed: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
    """For each (question, answer) pair its likelihood, in the order given; computed in batches of like length.

    `on_weighed` hears after each batch how many there are.
    """
    fitted = [_truncate(prompt_ids(tokenizer, form, question), answer_ids(tokenizer, form, answer), context)
              for question, answer in pairs]
    order = sorted(range(len(fitted)), key=lambda at: len(fitted[at][0]) + len(fitted[at][1]))
    found: dict[int, Likelihood] = {}
    for batch in _batches(order, [len(prompt) + len(answer) for prompt, answer, _ in fitted]):
        scores = _mean_nll(losses, [fitted[at][:2] for at in batch])
        for at, nll in zip(batch, scores, strict=True):
            found[at] = Likelihood(nll, len(fitted[at][1]), fitted[at][2])
        on_weighed(len(found))
    return [found[at] for at in range(len(fitted))]


def _truncate(prompt: list[int], answer: list[int], context: int) -> tuple[list[int], list[int], bool]:
    """Cut to the context: the prompt from its left to no less than half, then the answer from its right."""
    if len(prompt) + len(answer) <= context:
        return prompt, answer, False
    prompt = prompt[-max(1, context - min(len(answer), context // 2)):]
    return prompt, answer[: context - len(prompt)], True


def _batches(order: list[int], lengths: list[int]) -> Iterator[list[int]]:
    """Runs of the order, shortest first, each of no more padded tokens than a batch may have."""
    batch: list[int] = []
    for at in order:
        if batch and lengths[at] * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


@torch.inference_mode()
def _mean_nll(losses: Losses, batch: list[tuple[list[int], list[int]]]) -> list[float]:
    """Mean negative log-likelihood per answer token. Shapes: B rows, T positions.

    Padded on the right, where a causal model cannot see it.
    """
    width = max(len(prompt) + len(answer) for prompt, answer in batch)
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
    """The label that each place predicts: that of the next one, B x T; the last place of a row predicts none."""
    return labels.roll(-1, 1).index_fill(1, torch.tensor([labels.shape[1] - 1]), -100)


def hf_losses(model: Any) -> Losses:
    """The library's forward pass, on whatever device the model is."""
    return lambda *given: token_losses(model, *(one.to(model.device) for one in given)).sum(1).cpu()


def token_losses(model: Any, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each label, B x K in fp32, 0 where a row has none; used in training too.

    Logits are computed for the K positions that have labels: the output layer is a fifth of the embedded student's
    work.
    """
    following = labels[:, 1:]
    keep = (following != -100).any(0).nonzero().squeeze(1)
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=keep, use_cache=False).logits
    kept = following[:, keep]
    losses = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), kept.flatten(), reduction="none",
                                               ignore_index=-100)
    return losses.view(kept.shape)
