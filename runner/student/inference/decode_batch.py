"""A batch of sequences being generated, with its KV cache: the interface, and an implementation for any architecture.

`HFDecodeBatch` uses transformers' forward pass and cache. It accepts new prompts only when it is empty, because that
cache keeps all rows at one length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch


class DecodeBatch(Protocol):
    """A model and the rows (sequences) it is generating. Row i of every result is the i-th row still in the batch."""

    def free_slots(self) -> int:
        """How many prompts `prefill` accepts now."""
        ...

    def prefill(self, prompts: Sequence[list[int]], longest: int) -> torch.Tensor:
        """Append N prompts as new rows; returns the logits (N x V) after each.

        `longest` is the largest number of tokens that any row can reach, prompt and answer together.
        """
        ...

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token to each of the B rows, in order; returns the logits (B x V) that follow."""
        ...

    def retain(self, rows: Sequence[int]) -> list[int]:
        """Drop all other rows; returns the retained rows' old indices in their new order."""
        ...


class HFDecodeBatch:
    """Implements `DecodeBatch` with transformers' dynamic KV cache, padded on the left."""

    def __init__(self, model: Any, capacity: int) -> None:
        self.model, self.capacity = model, capacity
        self.cache: Any = None
        self.mask = self.position = torch.empty(0)

    def free_slots(self) -> int:
        return self.capacity if self.cache is None else 0

    def prefill(self, prompts: Sequence[list[int]], longest: int) -> torch.Tensor:
        ids, self.mask = left_padded(prompts, self.model.device)
        self.position = self.mask.sum(1, keepdim=True)
        return self._forward(ids, (self.mask.cumsum(1) - 1).clamp(min=0))

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], 1)
        logits = self._forward(tokens[:, None], self.position)
        self.position = self.position + 1
        return logits

    def retain(self, rows: Sequence[int]) -> list[int]:
        if not rows:
            self.cache = None
        elif len(rows) < len(self.mask):
            indices = torch.tensor(rows, device=self.mask.device)
            self.cache.batch_select_indices(indices)
            self.mask, self.position = self.mask[indices], self.position[indices]
        return list(rows)

    def _forward(self, ids: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        # An index rather than the count 1, which would give a non-contiguous slice: torch would then copy the output
        # layer's weights once for every row (1.4 GB on the embedded student).
        last = torch.tensor([ids.shape[1] - 1], device=ids.device)
        output = self.model(input_ids=ids, attention_mask=self.mask, position_ids=position, past_key_values=self.cache,
                            use_cache=True, logits_to_keep=last)
        self.cache = output.past_key_values
        logits: torch.Tensor = output.logits[:, -1]
        return logits


def left_padded(prompts: Sequence[list[int]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, B x T. Rows are padded with their own first token, which the mask hides."""
    width = max(map(len, prompts))
    ids = [[prompt[0]] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
