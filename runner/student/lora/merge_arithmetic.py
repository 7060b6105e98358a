"""Merge LoRA matrices into base weights: the arithmetic, for a copy of a weight or in place."""

from __future__ import annotations

from collections.abc import Mapping

import torch

_ROWS = 256


class LoraWeights:
    """LoRA matrices by layer name: W becomes W + scale * lora_B @ lora_A."""

    def __init__(self, pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]], scale: float) -> None:
        self._pairs, self._scale = pairs, scale

    def merged(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """`weight` with the adapter merged in, as a copy; `weight` itself where the layer has no adapter."""
        pair = self._pairs.get(name.removesuffix(".weight"))
        if pair is None:
            return weight
        changed = weight.clone()
        merge_into(changed, *pair, self._scale)
        return changed


def merge_into(weight: torch.Tensor, lora_a: torch.Tensor, lora_b: torch.Tensor, scale: float) -> None:
    """W += scale * lora_B @ lora_A, in place, as peft merges: product in fp32, added in the weight's dtype.

    Computed in blocks of rows through one reused buffer: the whole product is twice as large as a bf16 weight, and on
    layers of Phi-2's size allocating it took most of the time.
    """
    lora_a, lora_b = lora_a.float(), lora_b.float() * scale
    buffer = lora_a.new_empty(min(_ROWS, len(weight)), weight.shape[1])
    for rows, b_rows in zip(torch.split(weight, _ROWS), torch.split(lora_b, _ROWS), strict=True):
        rows.add_(torch.mm(b_rows, lora_a, out=buffer[: len(rows)]))
