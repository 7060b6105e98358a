"""Frozen layers that read the same input, with their LoRA adapters, as few products: forward and backward by hand.

A LoRA training needs gradients of the adapters and of what flows through, none of the frozen weights. Knows nothing
of models and nothing of autograd.
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
    """What one call leaves for its backward pass. Shapes: N x K, N x R, N x K."""

    thinned: torch.Tensor
    """The input after dropout."""
    inner: torch.Tensor | None
    """It between the adapters' halves; None where no layer has an adapter."""
    factors: torch.Tensor | None
    """What dropout multiplied with; None where nothing is dropped."""


class FusedLoraLinear:
    """y = x W^T + b + (x d) A^T S B^T, layers side by side: W is M x K, A is R x K, B is M x R, a block each."""

    def __init__(self, linears: Sequence[Any], bias: torch.Tensor | None,
                 adapted: Sequence[LoraLayerParts | None]) -> None:
        """The layers' weights are taken out of them and packed, once for each direction, until `give_back`."""
        there = [one for one in adapted if one is not None]
        self.downs, self.ups = [one.down for one in there], [one.up for one in there]
        weight, rank = torch.cat([one.weight.detach() for one in linears]), sum(map(len, self.downs))
        self.linears, self.sizes, self.width = linears, [len(one.weight) for one in linears], weight.shape[1]
        for one in linears:
            one.weight.data = weight.new_empty(0)
        self.forth, self.back = OneDnnLinear(weight, bias), OneDnnLinear(weight.t())
        self.down, self.up = weight.new_zeros(rank, weight.shape[1]), weight.new_zeros(weight.shape[0], rank)
        self.scales = torch.cat([weight.new_full((len(one.down),), one.scale) for one in there]) if there else None
        self.blocks = _blocks(self.sizes, adapted)
        self.parts = [self.down, *self.ups] if there else []
        """What the gradient comes in: of all lower halves, which lie together, and of each upper one."""

    def give_back(self) -> None:
        """The layers have their weights again, as parts of one tensor; this can be used no more."""
        for one, part in zip(self.linears, torch.split(self.forth.plain(), self.sizes), strict=True):
            one.weight.data = part
        del self.forth, self.back

    def refresh(self) -> None:
        """Take the adapters as they are now, in the base's own precision."""
        at = 0
        for down, up, (rows, columns) in zip(self.downs, self.ups, self.blocks, strict=True):
            self.down[at : at + len(down)].copy_(down)
            self.up[rows, columns].copy_(up)
            at += len(down)

    def forward(self, x: torch.Tensor, factors: torch.Tensor | None,
                beside: torch.Tensor | None = None) -> tuple[torch.Tensor, SavedTensors]:
        """The layers' results, and `beside` added to them. Shapes: x N x K; results and `beside`, used up, N x M."""
        if self.scales is None:
            return (self.forth(x) if beside is None else self.forth.add(x, beside)), SavedTensors(x, None, None)
        thinned = x if factors is None else x * factors
        inner = (thinned @ self.down.t()).mul_(self.scales)
        low = inner @ self.up.t() if beside is None else beside.addmm_(inner, self.up.t())
        return self.forth.add(x, low), SavedTensors(thinned, inner, factors)

    def backward(self, grad: torch.Tensor, kept: SavedTensors, into: list[torch.Tensor]) -> torch.Tensor:
        """The input's gradient, N x K; the adapters' own are written `into`, which is as `parts` are."""
        if kept.inner is None or self.scales is None:
            return self.back(grad)
        for_inner = (grad @ self.up).mul_(self.scales)
        torch.mm(for_inner.t(), kept.thinned, out=into[0])
        for place, (rows, columns) in zip(into[1:], self.blocks, strict=True):
            torch.mm(grad[:, rows].t(), kept.inner[:, columns], out=place)
        through = for_inner @ self.down
        return self.back.add(grad, through if kept.factors is None else through.mul_(kept.factors))


def _blocks(sizes: Sequence[int], adapted: Sequence[LoraLayerParts | None]) -> list[tuple[slice, slice]]:
    """Where each adapter's upper half stands in B."""
    row, column, found = 0, 0, []
    for size, one in zip(sizes, adapted, strict=True):
        if one is not None:
            found.append((slice(row, row + size), slice(column, column + len(one.down))))
            column += len(one.down)
        row += size
    return found
