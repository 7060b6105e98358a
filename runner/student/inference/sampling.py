"""Which token comes next: repetition penalty, then greedy or a draw from the question's own random stream.

Draws are Gumbel noise by token id, so two models that think alike choose alike: the answers of baseline and
tuned student to one question differ where the models do, not where the dice do.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from runner.protocols import GenerationConfig


def sample_next_tokens(logits: torch.Tensor, seen: torch.Tensor, spared: Sequence[int], decoding: GenerationConfig,
                       streams: Sequence[torch.Generator]) -> torch.Tensor:
    """The next token of every row.

    Args:
        logits: B x V, fp32; changed in place.
        seen: B x S, the ids that the repetition penalty is for (prompt and answer so far).
        spared: ids that it is never for: to end an answer is no repetition, though the prompt holds that token too.
        streams: one random stream a row.
    """
    logits = apply_repetition_penalty(logits, seen, spared, decoding.repetition_penalty)
    if decoding.temperature == 0:
        return logits.max(-1).indices  # the same first of the largest as argmax, in a quarter of its time in bf16
    kept, ids = torch.topk(logits / decoding.temperature, _width(logits, decoding.top_k), dim=-1)
    chances = kept.softmax(-1)
    outside = chances.cumsum(-1) - chances >= decoding.top_p  # the first token is always inside
    noise = torch.stack([torch.rand(logits.shape[-1], generator=stream) for stream in streams]).to(logits.device)
    gumbel = -torch.log(-torch.log(noise.gather(-1, ids).clamp(min=1e-20)))
    winner = (kept + gumbel).masked_fill(outside, -torch.inf).argmax(-1, keepdim=True)
    return ids.gather(-1, winner).squeeze(-1)


def apply_repetition_penalty(logits: torch.Tensor, seen: torch.Tensor, spared: Sequence[int],
                             penalty: float) -> torch.Tensor:
    """Divide positive and multiply negative logits of seen tokens by the penalty (Keskar et al. 2019)."""
    if penalty == 1:
        return logits
    columns = torch.tensor([id for id in spared if id < logits.shape[-1]], device=logits.device, dtype=torch.long)
    before = logits[:, columns]
    scores = logits.gather(-1, seen)
    logits.scatter_(-1, seen, torch.where(scores > 0, scores / penalty, scores * penalty))
    logits[:, columns] = before
    return logits


def _width(logits: torch.Tensor, top_k: int) -> int:
    """`top_k` 0 means every token."""
    return min(top_k, logits.shape[-1]) or logits.shape[-1]
