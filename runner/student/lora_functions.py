"""The operations of a Llama block in training, each with a backward pass written by hand.

A LoRA training needs gradients of the adapters and of what flows through, none of the frozen weights; knowing that,
each operation keeps one or two tensors instead of a dozen, in the base's own precision, and casts no frozen weight.
Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional

_ROWS = 128  # labels whose logits live at a time: 25 MB of fp32 on the embedded student


@dataclass(frozen=True)
class Adapted:
    """Frozen linear layers that read the same input; `scales` has a 0 for a layer without an adapter."""

    weights: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor | None, ...]
    scales: tuple[float, ...]
    ranks: tuple[int, ...]


class LoraProducts(Function):
    """x W_i^T + b_i + s_i (x d) A_i^T B_i^T for each of some layers, d being what dropout multiplies with.

    Shapes: x and d N x K; all A_i below each other R x K; each B_i M_i x rank; results N x M_i.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, kept: torch.Tensor | None, layers: Adapted, down: torch.Tensor,
                *ups: torch.Tensor) -> tuple[torch.Tensor, ...]:
        thinned = x if kept is None else x * kept
        down, ups = down.to(x.dtype), tuple(up.to(x.dtype) for up in ups)
        inner = thinned @ down.t()
        results, waiting, at = [], iter(ups), 0
        for weight, bias, scale, rank in zip(layers.weights, layers.biases, layers.scales, layers.ranks, strict=True):
            result = functional.linear(x, weight, bias)
            if rank:
                result.addmm_(inner[:, at : at + rank], next(waiting).t(), alpha=scale)
                at += rank
            results.append(result)
        ctx.layers = layers
        ctx.save_for_backward(thinned, kept, inner, down, *ups)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        thinned, kept, inner, down, *ups = ctx.saved_tensors
        layers, waiting, at = ctx.layers, iter(ups), 0
        for_input = torch.zeros_like(thinned)
        for_inner, for_ups = torch.empty_like(inner), []
        for grad, weight, scale, rank in zip(grads, layers.weights, layers.scales, layers.ranks, strict=True):
            for_input.addmm_(grad, weight)
            if rank:
                part = slice(at, at + rank)
                for_inner[:, part] = (grad @ next(waiting)) * scale
                for_ups.append(((grad.t() @ inner[:, part]) * scale).float())
                at += rank
        if kept is None:
            for_input.addmm_(for_inner, down)
        else:
            for_input.addcmul_(for_inner @ down, kept)
        return for_input, None, None, (for_inner.t() @ thinned).float(), *for_ups


class RmsNorm(Function):
    """weight * x / sqrt(mean(x^2) + epsilon), the middle part in fp32; the weight is frozen."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        wide = x.float()
        factor = torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon)
        even = (wide * factor).to(x.dtype)
        ctx.save_for_backward(even, factor, weight)
        return even * weight

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        even, factor, weight = ctx.saved_tensors
        wide, inner = even.float(), (grad * weight).float()
        inner.addcmul_(wide, (inner * wide).mean(-1, keepdim=True), value=-1)
        return (inner * factor).to(grad.dtype), None, None


class Gated(Function):
    """silu(gate) * up."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        return functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate, up = ctx.saved_tensors
        return torch.ops.aten.silu_backward(grad * up, gate), functional.silu(gate).mul_(grad)


class Turned(Function):
    """Rotary positions: x cos + swap(x) sin, with the swap's sign in sin. Shapes: x N x heads x size."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return (x * cos).addcmul_(x.roll(x.shape[-1] // 2, -1), sin)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        cos, sin = ctx.saved_tensors
        return (grad * cos).add_((grad * sin).roll(grad.shape[-1] // 2, -1)), None, None


class LabelLosses(Function):
    """Sum of the negative log-likelihoods of one label a row, in fp32; logits live for some rows at a time.

    The gradient is worked out on the way forward, where the logits are at hand anyway.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        total, parts = hidden.new_zeros((), dtype=torch.float32), []
        for rows, wanted in zip(torch.split(hidden, _ROWS), torch.split(labels, _ROWS), strict=True):
            logits = (rows @ head.t()).float()
            logits.sub_(logits.max(1, keepdim=True).values)
            picked = logits.gather(1, wanted[:, None])
            sums = logits.exp_().sum(1, keepdim=True)
            total += (sums.log() - picked).sum()
            logits.div_(sums).scatter_add_(1, wanted[:, None], torch.full_like(picked, -1.0))
            parts.append(logits.to(rows.dtype) @ head)
        ctx.save_for_backward(torch.cat(parts))
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        (saved,) = ctx.saved_tensors
        return saved * grad.to(saved.dtype), None, None


def applied(function: type[Function], *given: Any) -> Any:
    """`function.apply`, which torch leaves untyped."""
    return function.apply(*given)  # type: ignore[no-untyped-call]


def products(x: torch.Tensor, kept: torch.Tensor | None, layers: Adapted,
             downs: Sequence[torch.Tensor], ups: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """`LoraProducts`, or plain products where no layer has an adapter."""
    if not downs:
        return tuple(functional.linear(x, weight, bias)
                     for weight, bias in zip(layers.weights, layers.biases, strict=True))
    results: tuple[torch.Tensor, ...] = applied(LoraProducts, x, kept, layers, torch.cat(list(downs)), *ups)
    return results
