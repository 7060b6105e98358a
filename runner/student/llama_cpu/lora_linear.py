"""Frozen linear layers that share an input, fused with their LoRA adapters; explicit forward and backward passes.

Only gradients of the adapters and of the input are computed, none of the frozen weights. Independent of the model
and of autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from runner.student.llama_cpu.packed_linear import OneDnnLinear
from runner.student.lora.peft_adapter import LoraLayerParts


@dataclass(frozen=True)
class SavedTensors:
    """What the backward pass needs of one forward call. Shapes: N x K, N x R, N x K."""

    dropped_out: torch.Tensor
    """The input after dropout."""
    inner: torch.Tensor | None
    """Scaled activations between lora_A and lora_B; None where no layer has an adapter."""
    dropout_mask: torch.Tensor | None
    """Dropout mask / keep probability; None without dropout."""


class FusedLoraLinear:
    """y = x W^T + b + (x d) A^T S B^T for several layers, their outputs concatenated.

    W is M x K, A is R x K (all lora_A stacked), B is M x R (the lora_B as diagonal blocks), S the scaling.
    """

    def __init__(self, linears: Sequence[Any], bias: torch.Tensor | None,
                 adapted: Sequence[LoraLayerParts | None]) -> None:
        """Move the layers' weights into packed copies, one per direction; the layers stay empty until `release`."""
        adapters = [one for one in adapted if one is not None]
        self.lora_a, self.lora_b = [one.lora_a for one in adapters], [one.lora_b for one in adapters]
        weight, rank = torch.cat([one.weight.detach() for one in linears]), sum(map(len, self.lora_a))
        self.linears, self.out_features = linears, [len(one.weight) for one in linears]
        self.in_features = weight.shape[1]
        for one in linears:
            one.weight.data = weight.new_empty(0)
        self.forward_linear, self.backward_linear = OneDnnLinear(weight, bias), OneDnnLinear(weight.t())
        self.fused_a, self.fused_b = weight.new_zeros(rank, weight.shape[1]), weight.new_zeros(weight.shape[0], rank)
        self.scales = (torch.cat([weight.new_full((len(one.lora_a),), one.scale) for one in adapters])
                       if adapters else None)
        self.blocks = _diagonal_blocks(self.out_features, adapted)
        self.gradient_parts = [self.fused_a, *self.lora_b] if adapters else []
        """Tensors shaped as the gradients that `backward` writes: one of all lora_A stacked, then each lora_B."""

    def release(self) -> None:
        """Give the layers their weights back, as views of one tensor; this object is unusable afterwards."""
        weights = torch.split(self.forward_linear.unpacked(), self.out_features)
        for one, weight in zip(self.linears, weights, strict=True):
            one.weight.data = weight
        del self.forward_linear, self.backward_linear

    def refresh(self) -> None:
        """Copy the adapters' current values into the fused matrices, in the base's dtype."""
        start = 0
        for lora_a, lora_b, (rows, columns) in zip(self.lora_a, self.lora_b, self.blocks, strict=True):
            self.fused_a[start : start + len(lora_a)].copy_(lora_a)
            self.fused_b[rows, columns].copy_(lora_b)
            start += len(lora_a)

    def forward(self, x: torch.Tensor, dropout_mask: torch.Tensor | None,
                residual: torch.Tensor | None = None) -> tuple[torch.Tensor, SavedTensors]:
        """The layers' outputs plus `residual`, which is overwritten. Shapes: x N x K; output and residual N x M."""
        if self.scales is None:
            output = self.forward_linear(x) if residual is None else self.forward_linear.add(x, residual)
            return output, SavedTensors(x, None, None)
        dropped_out = x if dropout_mask is None else x * dropout_mask
        inner = (dropped_out @ self.fused_a.t()).mul_(self.scales)
        low_rank = inner @ self.fused_b.t() if residual is None else residual.addmm_(inner, self.fused_b.t())
        return self.forward_linear.add(x, low_rank), SavedTensors(dropped_out, inner, dropout_mask)

    def backward(self, grad: torch.Tensor, saved: SavedTensors, out: list[torch.Tensor]) -> torch.Tensor:
        """Return the input's gradient, N x K; write the adapters' gradients to `out`, shaped as `gradient_parts`."""
        if saved.inner is None or self.scales is None:
            return self.backward_linear(grad)
        grad_inner = (grad @ self.fused_b).mul_(self.scales)
        torch.mm(grad_inner.t(), saved.dropped_out, out=out[0])
        for grad_b, (rows, columns) in zip(out[1:], self.blocks, strict=True):
            torch.mm(grad[:, rows].t(), saved.inner[:, columns], out=grad_b)
        grad_input = grad_inner @ self.fused_a
        return self.backward_linear.add(grad, grad_input if saved.dropout_mask is None
                                        else grad_input.mul_(saved.dropout_mask))


def _diagonal_blocks(out_features: Sequence[int],
                     adapted: Sequence[LoraLayerParts | None]) -> list[tuple[slice, slice]]:
    """Rows and columns of each adapter's lora_B in the fused B."""
    row, column, found = 0, 0, []
    for size, one in zip(out_features, adapted, strict=True):
        if one is not None:
            found.append((slice(row, row + size), slice(column, column + len(one.lora_a))))
            column += len(one.lora_a)
        row += size
    return found
