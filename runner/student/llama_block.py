"""One block of a Llama-shaped model in training, forward and backward by hand: each step keeps what its gradient needs.

Works on the batch's real tokens (N of them); only attention sees rows. Knows nothing of autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from runner.student.lora_groups import Kept, LoraGroup

_Pair = tuple[torch.Tensor, torch.Tensor]
Draw = Callable[[torch.Tensor], torch.Tensor | None]
"""Dropout's factors for an input; None where nothing is dropped."""


@dataclass(frozen=True)
class Rows:
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
class Heads:
    """How many, and how wide."""

    queries: int
    keys: int
    size: int

    @property
    def turned(self) -> int:
        """Columns that rotary positions turn: queries and keys."""
        return (self.queries + self.keys) * self.size


@dataclass(frozen=True)
class _Attended:
    """Shapes: query (B * kv heads) x G*T x size; key, value with T instead; chances (B * kv heads) x G*T x T."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    chances: torch.Tensor


@dataclass(frozen=True)
class _BlockKept:
    """What a block leaves for its backward pass."""

    before: _Pair
    qkv: Kept
    attended: _Attended
    out: Kept
    middle: _Pair
    gate_up: Kept
    gated: _Pair
    down: Kept


class Block:
    """Attention and MLP, each with its norm before it and its input added to its result."""

    def __init__(self, heads: Heads, epsilon: float, norms: _Pair, qkv: LoraGroup, out: LoraGroup, gate_up: LoraGroup,
                 down: LoraGroup) -> None:
        self.heads, self.epsilon, self.norms = heads, epsilon, norms
        self.qkv, self.out, self.gate_up, self.down = qkv, out, gate_up, down
        self.groups = (qkv, out, gate_up, down)

    def forward(self, hidden: torch.Tensor, rows: Rows, draw: Draw) -> tuple[torch.Tensor, _BlockKept]:
        """Shapes: N x hidden."""
        x, before = normed(hidden, self.norms[0], self.epsilon)
        mixed, qkv = self.qkv.forward(x, draw(x))
        seen, attended = attend(mixed, self.heads, rows)
        hidden, out = self.out.forward(seen, draw(seen), hidden)
        x, middle = normed(hidden, self.norms[1], self.epsilon)
        gate_up, both = self.gate_up.forward(x, draw(x))
        act = functional.silu(gate_up[:, : gate_up.shape[1] // 2])
        inner = act * gate_up[:, gate_up.shape[1] // 2 :]
        hidden, down = self.down.forward(inner, draw(inner), hidden)
        return hidden, _BlockKept(before, qkv, attended, out, middle, both, (gate_up, act), down)

    def backward(self, grad: torch.Tensor, kept: _BlockKept, rows: Rows,
                 into: tuple[list[torch.Tensor], ...]) -> torch.Tensor:
        """The gradient of the block's input, in the memory of its result's; the adapters' written `into`."""
        inner = self.down.backward(grad, kept.down, into[3])
        through = self.gate_up.backward(_gated_back(inner, *kept.gated), kept.gate_up, into[2])
        add_normed_back(grad, through, kept.middle, self.norms[1])
        seen = self.out.backward(grad, kept.out, into[1])
        through = self.qkv.backward(_attend_back(seen, kept.attended, self.heads, rows), kept.qkv, into[0])
        add_normed_back(grad, through, kept.before, self.norms[0])
        return grad


def normed(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, _Pair]:
    """weight * x / sqrt(mean(x^2) + epsilon); kept are x so divided, and what it was multiplied with."""
    wide = x.float()
    factor = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
    even = (wide * factor).to(x.dtype)
    return even * weight, (even, factor)


def add_normed_back(grad: torch.Tensor, through: torch.Tensor, kept: _Pair, weight: torch.Tensor) -> None:
    """Add to `grad` the gradient of x, where `through` is that of its norm's result."""
    even, factor = kept
    inner = through * weight
    mean = (inner * even).sum(-1, keepdim=True, dtype=torch.float32).div_(-even.shape[-1])
    inner.addcmul_(even, mean.to(inner.dtype))
    grad.addcmul_(inner, factor.to(inner.dtype))


def _gated_back(grad: torch.Tensor, gate_up: torch.Tensor, act: torch.Tensor) -> torch.Tensor:
    """Of silu(gate) * up, gate and up side by side."""
    half, result = act.shape[1], torch.empty_like(gate_up)
    torch.mul(grad, act, out=result[:, half:])
    grad.mul_(gate_up[:, half:])
    torch.ops.aten.silu_backward.grad_input(grad, gate_up[:, :half], grad_input=result[:, :half])
    return result


def _turn(x: torch.Tensor, heads: Heads, rows: Rows, back: bool = False) -> None:
    """Rotary positions, in place: x cos + swap(x) sin for queries and keys; `back` turns a gradient."""
    turned = x[:, : heads.turned]
    other = (turned * rows.sin if back else turned).reshape(len(x), -1, heads.size).roll(heads.size // 2, -1)
    other = other.view(len(x), -1)
    turned.mul_(rows.cos)
    if back:
        turned.add_(other)
    else:
        turned.addcmul_(other, rows.sin)


def attend(mixed: torch.Tensor, heads: Heads, rows: Rows) -> tuple[torch.Tensor, _Attended]:
    """Causal attention. Shapes: mixed N x (heads + 2 kv heads) * size; result N x heads * size."""
    _turn(mixed, heads, rows)
    query, key, value = _in_rows(mixed.index_select(0, rows.tokens), heads, rows)
    scores = torch.baddbmm(rows.causal, query, key.transpose(1, 2), alpha=heads.size**-0.5)
    chances = scores.softmax(-1, dtype=torch.float32).to(scores.dtype)
    seen = torch.bmm(chances, value).view(rows.count, heads.queries, rows.width, heads.size).transpose(1, 2)
    flat = seen.reshape(rows.count * rows.width, -1).index_select(0, rows.places)
    return flat, _Attended(query, key, value, chances)


def _attend_back(grad: torch.Tensor, kept: _Attended, heads: Heads, rows: Rows) -> torch.Tensor:
    padded = grad.new_zeros(rows.count * rows.width, grad.shape[1]).index_copy_(0, rows.places, grad)
    per_head = padded.view(rows.count, rows.width, heads.queries, heads.size).transpose(1, 2).reshape(kept.query.shape)
    for_chances = torch.bmm(per_head, kept.value.transpose(1, 2))
    for_scores = torch.ops.aten._softmax_backward_data(for_chances, kept.chances, -1, grad.dtype)
    for_scores.mul_(heads.size**-0.5)
    parts = (torch.bmm(for_scores, kept.key), torch.bmm(for_scores.transpose(1, 2), kept.query),
             torch.bmm(kept.chances.transpose(1, 2), per_head))
    side_by_side = torch.cat([part.view(rows.count, -1, rows.width, heads.size) for part in parts], 1)
    flat = side_by_side.transpose(1, 2).reshape(rows.count * rows.width, -1).index_select(0, rows.places)
    _turn(flat, heads, rows, back=True)
    return flat


def _in_rows(mixed: torch.Tensor, heads: Heads, rows: Rows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys and values of B*T places, heads that share keys below each other."""
    split = mixed.view(rows.count, rows.width, -1, heads.size).transpose(1, 2)
    query, key, value = torch.split(split, [heads.queries, heads.keys, heads.keys], 1)
    together = rows.count * heads.keys
    return (query.reshape(together, -1, heads.size), key.reshape(together, -1, heads.size),
            value.reshape(together, -1, heads.size))
