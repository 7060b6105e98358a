"""Choose the next token: repetition penalty, then greedy or top-k/top-p sampling with the question's own generator.

Sampling adds Gumbel noise by token id, so both models use common random numbers: sampled answers of baseline and tuned
student differ only where their distributions do.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from runner.protocols import GenerationConfig


def sample_next_tokens(logits: torch.Tensor, context_ids: torch.Tensor, exempt_ids: Sequence[int],
                       decoding: GenerationConfig, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """The next token of every row, B ids.

    Args:
        logits: B x V, fp32; changed in place.
        context_ids: B x S, the ids that get the repetition penalty (prompt and answer so far).
        exempt_ids: ids that never get it.
        decoding: temperature, top_k, top_p and repetition penalty; temperature 0 is greedy.
        generators: one random generator per row.
    """
    logits = apply_repetition_penalty(logits, context_ids, exempt_ids, decoding.repetition_penalty)
    if decoding.temperature == 0:
        return logits.max(-1).indices  # the first maximum, as argmax, in a quarter of its time in bf16
    top_logits, ids = torch.topk(logits / decoding.temperature, _width(logits, decoding.top_k), dim=-1)
    probs = top_logits.softmax(-1)
    outside = probs.cumsum(-1) - probs >= decoding.top_p  # the first token is always inside
    noise = torch.stack([torch.rand(logits.shape[-1], generator=one) for one in generators]).to(logits.device)
    gumbel = -torch.log(-torch.log(noise.gather(-1, ids).clamp(min=1e-20)))
    winner = (top_logits + gumbel).masked_fill(outside, -torch.inf).argmax(-1, keepdim=True)
    return ids.gather(-1, winner).squeeze(-1)


def apply_repetition_penalty(logits: torch.Tensor, context_ids: torch.Tensor, exempt_ids: Sequence[int],
                             penalty: float) -> torch.Tensor:
    """Divide positive and multiply negative logits of context tokens by the penalty (Keskar et al. 2019); in place."""
    if penalty == 1:
        return logits
    columns = torch.tensor([id for id in exempt_ids if id < logits.shape[-1]], device=logits.device, dtype=torch.long)
    unpenalized = logits[:, columns]
    scores = logits.gather(-1, context_ids)
    logits.scatter_(-1, context_ids, torch.where(scores > 0, scores / penalty, scores * penalty))
    logits[:, columns] = unpenalized
    return logits


def _width(logits: torch.Tensor, top_k: int) -> int:
    """`top_k` 0 means every token."""
    return min(top_k, logits.shape[-1]) or logits.shape[-1]
