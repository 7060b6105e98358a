"""One block of a Llama-shaped model in training, forward and backward by hand: each step keeps what its gradient needs.

Works on the batch's real tokens (N of them); only attention sees rows. Knows nothing of autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from runner.student.llama_cpu.lora_linear import FusedLoraLinear, SavedTensors

_Pair = tuple[torch.Tensor, torch.Tensor]
Draw = Callable[[torch.Tensor], torch.Tensor | None]
"""Dropout's factors for an input; None where nothing is dropped."""


@dataclass(frozen=True)
class PaddedBatch:
    """How a batch's N real tokens stand in B rows of T places, padding on the right."""

    count: int
    """B."""
    width: int
    """T."""
    places: torch.Tensor
    """Of each real token in B*T."""
    tokens: torch.Tensor
    """The token at each of the B*T places; any at padding, which a causal model does not see from before it."""
    causal: torch.Tensor
    """G*T x T for heads that share keys by G: added to the scores."""
    cos: torch.Tensor
    sin: torch.Tensor
    """Both N x (heads that are turned * size); sin with the sign of the swap of halves in it."""


@dataclass(frozen=True)
class AttentionShape:
    """How many, and how wide."""

    queries: int
    keys: int
    size: int

    @property
    def turned(self) -> int:
        """Columns that rotary positions turn: queries and keys."""
        return (self.queries + self.keys) * self.size


@dataclass(frozen=True)
class _AttentionSaved:
    """Shapes: query (B * kv heads) x G*T x size; key, value with T instead; chances (B * kv heads) x G*T x T."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    probs: torch.Tensor


@dataclass(frozen=True)
class _BlockSaved:
    """What a block leaves for its backward pass."""

    before: _Pair
    qkv: SavedTensors
    attended: _AttentionSaved
    out: SavedTensors
    middle: _Pair
    gate_up: SavedTensors
    gated: _Pair
    down: SavedTensors


class TransformerBlock:
    """Attention and MLP, each with its norm before it and its input added to its result."""

    def __init__(self, heads: AttentionShape, epsilon: float, norms: _Pair, qkv: FusedLoraLinear, out: FusedLoraLinear,
                 gate_up: FusedLoraLinear,
                 down: FusedLoraLinear) -> None:
        self.heads, self.epsilon, self.norms = heads, epsilon, norms
        self.qkv, self.out, self.gate_up, self.down = qkv, out, gate_up, down
        self.groups = (qkv, out, gate_up, down)

    def forward(self, hidden: torch.Tensor, rows: PaddedBatch, draw: Draw) -> tuple[torch.Tensor, _BlockSaved]:
        """Shapes: N x hidden."""
        x, before = rms_norm(hidden, self.norms[0], self.epsilon)
        mixed, qkv = self.qkv.forward(x, draw(x))
        seen, attended = attention(mixed, self.heads, rows)
        hidden, out = self.out.forward(seen, draw(seen), hidden)
        x, middle = rms_norm(hidden, self.norms[1], self.epsilon)
        gate_up, both = self.gate_up.forward(x, draw(x))
        act = functional.silu(gate_up[:, : gate_up.shape[1] // 2])
        inner = act * gate_up[:, gate_up.shape[1] // 2 :]
        hidden, down = self.down.forward(inner, draw(inner), hidden)
        return hidden, _BlockSaved(before, qkv, attended, out, middle, both, (gate_up, act), down)

    def backward(self, grad: torch.Tensor, kept: _BlockSaved, rows: PaddedBatch,
                 into: tuple[list[torch.Tensor], ...]) -> torch.Tensor:
        """The gradient of the block's input, in the memory of its result's; the adapters' written `into`."""
        inner = self.down.backward(grad, kept.down, into[3])
        through = self.gate_up.backward(swiglu_backward(inner, *kept.gated), kept.gate_up, into[2])
        rms_norm_backward(grad, through, kept.middle, self.norms[1])
        seen = self.out.backward(grad, kept.out, into[1])
        through = self.qkv.backward(attention_backward(seen, kept.attended, self.heads, rows), kept.qkv, into[0])
        rms_norm_backward(grad, through, kept.before, self.norms[0])
        return grad


def rms_norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, _Pair]:
    """weight * x / sqrt(mean(x^2) + epsilon); kept are x so divided, and what it was multiplied with."""
    wide = x.float()
    factor = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
    even = (wide * factor).to(x.dtype)
    return even * weight, (even, factor)


def rms_norm_backward(grad: torch.Tensor, through: torch.Tensor, kept: _Pair, weight: torch.Tensor) -> None:
    """Add to `grad` the gradient of x, where `through` is that of its norm's result."""
    even, factor = kept
    inner = through * weight
    mean = (inner * even).sum(-1, keepdim=True, dtype=torch.float32).div_(-even.shape[-1])
    inner.addcmul_(even, mean.to(inner.dtype))
    grad.addcmul_(inner, factor.to(inner.dtype))


def swiglu_backward(grad: torch.Tensor, gate_up: torch.Tensor, act: torch.Tensor) -> torch.Tensor:
    """Of silu(gate) * up, gate and up side by side."""
    half, result = act.shape[1], torch.empty_like(gate_up)
    torch.mul(grad, act, out=result[:, half:])
    grad.mul_(gate_up[:, half:])
    torch.ops.aten.silu_backward.grad_input(grad, gate_up[:, :half], grad_input=result[:, :half])
    return result


def apply_rotary(x: torch.Tensor, heads: AttentionShape, rows: PaddedBatch, back: bool = False) -> None:
    """Rotary positions, in place: x cos + swap(x) sin for queries and keys; `back` turns a gradient."""
    turned = x[:, : heads.turned]
    other = (turned * rows.sin if back else turned).reshape(len(x), -1, heads.size).roll(heads.size // 2, -1)
    other = other.view(len(x), -1)
    turned.mul_(rows.cos)
    if back:
        turned.add_(other)
    else:
        turned.addcmul_(other, rows.sin)


def attention(mixed: torch.Tensor, heads: AttentionShape, rows: PaddedBatch) -> tuple[torch.Tensor, _AttentionSaved]:
    """Causal attention. Shapes: mixed N x (heads + 2 kv heads) * size; result N x heads * size."""
    apply_rotary(mixed, heads, rows)
    query, key, value = _split_qkv(mixed.index_select(0, rows.tokens), heads, rows)
    scores = torch.baddbmm(rows.causal, query, key.transpose(1, 2), alpha=heads.size**-0.5)
    chances = scores.softmax(-1, dtype=torch.float32).to(scores.dtype)
    seen = torch.bmm(chances, value).view(rows.count, heads.queries, rows.width, heads.size).transpose(1, 2)
    flat = seen.reshape(rows.count * rows.width, -1).index_select(0, rows.places)
    return flat, _AttentionSaved(query, key, value, chances)


def attention_backward(grad: torch.Tensor, kept: _AttentionSaved, heads: AttentionShape,
                       rows: PaddedBatch) -> torch.Tensor:
    padded = grad.new_zeros(rows.count * rows.width, grad.shape[1]).index_copy_(0, rows.places, grad)
    per_head = padded.view(rows.count, rows.width, heads.queries, heads.size).transpose(1, 2).reshape(kept.query.shape)
    for_chances = torch.bmm(per_head, kept.value.transpose(1, 2))
    for_scores = torch.ops.aten._softmax_backward_data(for_chances, kept.probs, -1, grad.dtype)
    for_scores.mul_(heads.size**-0.5)
    parts = (torch.bmm(for_scores, kept.key), torch.bmm(for_scores.transpose(1, 2), kept.query),
             torch.bmm(kept.probs.transpose(1, 2), per_head))
    side_by_side = torch.cat([part.view(rows.count, -1, rows.width, heads.size) for part in parts], 1)
    flat = side_by_side.transpose(1, 2).reshape(rows.count * rows.width, -1).index_select(0, rows.places)
    apply_rotary(flat, heads, rows, back=True)
    return flat


def _split_qkv(mixed: torch.Tensor, heads: AttentionShape, rows: PaddedBatch) -> tuple[torch.Tensor, torch.Tensor,
                                                                                       torch.Tensor]:
    """Queries, keys and values of B*T places, heads that share keys below each other."""
    split = mixed.view(rows.count, rows.width, -1, heads.size).transpose(1, 2)
    query, key, value = torch.split(split, [heads.queries, heads.keys, heads.keys], 1)
    together = rows.count * heads.keys
    return (query.reshape(together, -1, heads.size), key.reshape(together, -1, heads.size),
            value.reshape(together, -1, heads.size))
