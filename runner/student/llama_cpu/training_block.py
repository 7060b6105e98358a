"""One Llama transformer block in training, forward and backward; every step saves what its gradient needs.

Works on the batch's N real tokens, filled up to R rows; only attention uses the padded B x T layout. Independent of
autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from runner.student.llama_cpu.lora_linear import FusedLoraLinear, SavedTensors
from runner.student.llama_cpu.rms_norm import rms_norm, rms_norm_backward

_Pair = tuple[torch.Tensor, torch.Tensor]
SampleMask = Callable[[torch.Tensor], torch.Tensor | None]
"""Returns the dropout mask / keep probability for an input; None without dropout."""


@dataclass(frozen=True)
class PaddedBatch:
    """How a batch's N real tokens map to B rows of T positions, padded on the right."""

    batch_size: int
    """B."""
    seq_len: int
    """T."""
    rows: int
    """R: the N tokens and some rows of zeros after them, which reach neither the loss nor a gradient."""
    flat_positions: torch.Tensor
    """N: index of each real token in the flattened B*T positions."""
    token_indices: torch.Tensor
    """B*T: the real token at each position; token 0 at padding, which causal attention hides from real tokens."""
    causal_mask: torch.Tensor
    """G*T x T, where G query heads share a key head: 0 or -inf, added to the scores."""
    cos: torch.Tensor
    sin: torch.Tensor
    """Both R x (query and key heads * head size); sin carries the sign of rotate_half."""


@dataclass(frozen=True)
class AttentionShape:
    """Number of heads and size of each."""

    query_heads: int
    kv_heads: int
    head_size: int

    @property
    def rotated_columns(self) -> int:
        """How many leading columns of qkv get rotary positions: queries and keys."""
        return (self.query_heads + self.kv_heads) * self.head_size


@dataclass(frozen=True)
class _AttentionSaved:
    """Shapes: query (B * kv heads) x G*T x size; key, value (B * kv heads) x T x size; attention probabilities
    (B * kv heads) x G*T x T."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    probs: torch.Tensor


@dataclass(frozen=True)
class _BlockSaved:
    """What a block's backward pass needs of its forward pass."""

    attention_norm: _Pair
    qkv: SavedTensors
    attention: _AttentionSaved
    out: SavedTensors
    mlp_norm: _Pair
    gate_up: SavedTensors
    swiglu: _Pair
    down: SavedTensors


class TransformerBlock:
    """Pre-norm attention and SwiGLU MLP, each with a residual connection."""

    def __init__(self, shape: AttentionShape, epsilon: float, norms: _Pair, qkv: FusedLoraLinear, out: FusedLoraLinear,
                 gate_up: FusedLoraLinear, down: FusedLoraLinear) -> None:
        """`norms` are the RMSNorm weights before attention and before the MLP."""
        self.shape, self.epsilon, self.norms = shape, epsilon, norms
        self.qkv, self.out, self.gate_up, self.down = qkv, out, gate_up, down
        self.linears = (qkv, out, gate_up, down)

    def forward(self, hidden: torch.Tensor, batch: PaddedBatch,
                sample_mask: SampleMask) -> tuple[torch.Tensor, _BlockSaved]:
        """The block's output, R x hidden like its input, and what `backward` needs."""
        x, attention_norm = rms_norm(hidden, self.norms[0], self.epsilon)
        qkv, saved_qkv = self.qkv.forward(x, sample_mask(x))
        context, saved_attention = attention(qkv, self.shape, batch)
        hidden, saved_out = self.out.forward(context, sample_mask(context), hidden)
        x, mlp_norm = rms_norm(hidden, self.norms[1], self.epsilon)
        gate_up, saved_gate_up = self.gate_up.forward(x, sample_mask(x))
        act = functional.silu(gate_up[:, : gate_up.shape[1] // 2])
        inner = act * gate_up[:, gate_up.shape[1] // 2 :]
        hidden, saved_down = self.down.forward(inner, sample_mask(inner), hidden)
        return hidden, _BlockSaved(attention_norm, saved_qkv, saved_attention, saved_out, mlp_norm, saved_gate_up,
                                   (gate_up, act), saved_down)

    def backward(self, grad: torch.Tensor, saved: _BlockSaved, batch: PaddedBatch,
                 out: tuple[list[torch.Tensor], ...]) -> torch.Tensor:
        """Turn `grad`, the gradient of the output, into that of the input, in place.

        The adapters' gradients are written to `out`, one list for each of `linears`.
        """
        grad_inner = self.down.backward(grad, saved.down, out[3])
        grad_input = self.gate_up.backward(swiglu_backward(grad_inner, *saved.swiglu), saved.gate_up, out[2])
        rms_norm_backward(grad, grad_input, saved.mlp_norm, self.norms[1])
        grad_context = self.out.backward(grad, saved.out, out[1])
        grad_qkv = attention_backward(grad_context, saved.attention, self.shape, batch)
        grad_input = self.qkv.backward(grad_qkv, saved.qkv, out[0])
        rms_norm_backward(grad, grad_input, saved.attention_norm, self.norms[0])
        return grad


def swiglu_backward(grad: torch.Tensor, gate_up: torch.Tensor, act: torch.Tensor) -> torch.Tensor:
    """Gradient of silu(gate) * up with respect to gate and up, concatenated; `act` is silu(gate). Overwrites `grad`."""
    half, result = act.shape[1], torch.empty_like(gate_up)
    torch.mul(grad, act, out=result[:, half:])
    grad.mul_(gate_up[:, half:])
    torch.ops.aten.silu_backward.grad_input(grad, gate_up[:, :half], grad_input=result[:, :half])
    return result


def apply_rotary(x: torch.Tensor, shape: AttentionShape, batch: PaddedBatch, backward: bool = False) -> None:
    """Rotary positions in place: x cos + swap_halves(x) sin for queries and keys; `backward` rotates a gradient."""
    rotated = x[:, : shape.rotated_columns]
    swapped = (rotated * batch.sin if backward else rotated).reshape(len(x), -1, shape.head_size)
    swapped = swapped.roll(shape.head_size // 2, -1).view(len(x), -1)
    rotated.mul_(batch.cos)
    if backward:
        rotated.add_(swapped)
    else:
        rotated.addcmul_(swapped, batch.sin)


def attention(qkv: torch.Tensor, shape: AttentionShape, batch: PaddedBatch) -> tuple[torch.Tensor, _AttentionSaved]:
    """Causal grouped-query attention. Shapes: qkv R x (heads + 2 kv heads) * size; result R x heads * size."""
    apply_rotary(qkv, shape, batch)
    query, key, value = _split_qkv(qkv.index_select(0, batch.token_indices), shape, batch)
    scores = torch.baddbmm(batch.causal_mask, query, key.transpose(1, 2), alpha=shape.head_size**-0.5)
    probs = scores.softmax(-1, dtype=torch.float32).to(scores.dtype)
    context = torch.bmm(probs, value).view(batch.batch_size, shape.query_heads, batch.seq_len, shape.head_size)
    padded = context.transpose(1, 2).reshape(batch.batch_size * batch.seq_len, -1)
    return _at_tokens(padded, batch), _AttentionSaved(query, key, value, probs)


def attention_backward(grad: torch.Tensor, saved: _AttentionSaved, shape: AttentionShape,
                       batch: PaddedBatch) -> torch.Tensor:
    """Gradient of `attention`'s input qkv, shaped like it; `grad` is that of its result."""
    positions = batch.batch_size * batch.seq_len
    padded = grad.new_zeros(positions, grad.shape[1]).index_copy_(0, batch.flat_positions,
                                                                         grad[: len(batch.flat_positions)])
    per_head = padded.view(batch.batch_size, batch.seq_len, shape.query_heads, shape.head_size).transpose(1, 2)
    per_head = per_head.reshape(saved.query.shape)
    grad_probs = torch.bmm(per_head, saved.value.transpose(1, 2))
    grad_scores = torch.ops.aten._softmax_backward_data(grad_probs, saved.probs, -1, grad.dtype)
    grad_scores.mul_(shape.head_size**-0.5)
    parts = (torch.bmm(grad_scores, saved.key), torch.bmm(grad_scores.transpose(1, 2), saved.query),
             torch.bmm(saved.probs.transpose(1, 2), per_head))
    grad_heads = torch.cat([part.view(batch.batch_size, -1, batch.seq_len, shape.head_size) for part in parts], 1)
    grad_qkv = _at_tokens(grad_heads.transpose(1, 2).reshape(positions, -1), batch)
    apply_rotary(grad_qkv, shape, batch, backward=True)
    return grad_qkv


def _at_tokens(padded: torch.Tensor, batch: PaddedBatch) -> torch.Tensor:
    """The rows of the real tokens of B*T rows, then zeros: R rows."""
    rows = padded.new_zeros(batch.rows, padded.shape[1])
    torch.index_select(padded, 0, batch.flat_positions, out=rows[: len(batch.flat_positions)])
    return rows


def _split_qkv(qkv: torch.Tensor, shape: AttentionShape,
               batch: PaddedBatch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys and values of padded qkv (B*T rows), shaped as in `_AttentionSaved`: the G query heads that share
    a key head follow each other along the sequence dimension, so no key is repeated."""
    split = qkv.view(batch.batch_size, batch.seq_len, -1, shape.head_size).transpose(1, 2)
    query, key, value = torch.split(split, [shape.query_heads, shape.kv_heads, shape.kv_heads], 1)
    groups = batch.batch_size * shape.kv_heads
    return (query.reshape(groups, -1, shape.head_size), key.reshape(groups, -1, shape.head_size),
            value.reshape(groups, -1, shape.head_size))
