"""Decoding for Llama-shaped models on a CPU: a short forward pass over packed weights, with a preallocated KV cache.

The library's forward pass spends as long on 30 layers of modules, masks and growing caches as on arithmetic. This one
has a dozen operations a layer, computes the same (the same greedy answers in fp32, held by a test), and starts a
waiting prompt as soon as a finished answer frees its slot. Other architectures, GPUs and 4-bit weights use
`inference.decode_batch.HFDecodeBatch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from runner.student.inference.likelihood import Losses, shift_labels
from runner.student.llama_cpu.packed_linear import OneDnnLinear
from runner.student.llama_cpu.rms_norm import rms_norm
from runner.student.llama_cpu.supported_models import is_supported_llama

_CACHE_GROWTH = 64
_SCORED_ROWS = 64  # labels whose likelihoods are computed at a time: 13 MB of fp32 on the embedded student


def supports_decoding(model: Any) -> bool:
    """Whether this model can be packed and decoded here."""
    return is_supported_llama(model) and type(model.model.layers[0].self_attn.q_proj) is torch.nn.Linear


@dataclass(frozen=True)
class _Layer:
    """One block's weights; queries, keys and values are one matrix."""

    attention_norm: torch.Tensor
    qkv: OneDnnLinear
    out: OneDnnLinear
    mlp_norm: torch.Tensor
    gate: OneDnnLinear
    up: OneDnnLinear
    down: OneDnnLinear


class PackedLlamaWeights:
    """A packed copy of a Llama model's weights for inference; drop it before training, to free its memory.

    With `consume`, each of the model's own weights is freed once it is packed; the model is unusable afterwards.
    """

    def __init__(self, model: Any, consume: bool = False) -> None:
        config = model.config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_size = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon, self.dtype = config.rms_norm_eps, model.dtype
        with torch.inference_mode():
            self.layers = [_packed(layer, consume) for layer in model.model.layers]
            self.head = OneDnnLinear(model.lm_head.weight.detach(), model.lm_head.bias)
        self.embedding = model.model.embed_tokens.weight.detach()
        self.last_norm = model.model.norm.weight.detach()
        self._rotary = model.model.rotary_emb

    def rotary_cos_sin(self, positions: int) -> tuple[torch.Tensor, torch.Tensor]:
        """cos and sin, each positions x 1 x head size; sin carries the sign of rotate_half."""
        cos, sin = self._rotary(self.embedding[:1], torch.arange(positions)[None])
        half = self.head_size // 2
        return cos[0][:, None], torch.cat([-sin[0][:, :half], sin[0][:, half:]], -1)[:, None]

    def norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return rms_norm(x, weight, self.epsilon)[0]


def _packed(layer: Any, consume: bool) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    qkv = (attention.q_proj, attention.k_proj, attention.v_proj)
    bias = None if qkv[0].bias is None else torch.cat([one.bias for one in qkv])
    packed = _Layer(
        layer.input_layernorm.weight.detach(), OneDnnLinear(torch.cat([one.weight for one in qkv]), bias),
        _pack(attention.o_proj), layer.post_attention_layernorm.weight.detach(), _pack(mlp.gate_proj),
        _pack(mlp.up_proj), _pack(mlp.down_proj))
    if consume and packed.qkv.packed:  # unpacked OneDnnLinear uses the weights that it was given
        for linear in (*qkv, attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj):
            linear.weight.data = linear.weight.new_empty(0)
    return packed


def _pack(linear: Any) -> OneDnnLinear:
    return OneDnnLinear(linear.weight.detach(), None if linear.bias is None else linear.bias.detach())


def losses_of(weights: PackedLlamaWeights) -> Losses:
    """Answer likelihoods by these weights; every batch gets a KV cache of its own."""
    return lambda ids, mask, labels: LlamaDecodeBatch(weights, len(ids)).losses(ids, labels)


class LlamaDecodeBatch:
    """Implements `inference.decode_batch.DecodeBatch` over `PackedLlamaWeights`.

    Row i's keys and values are `cache[layer, :, i, :, :lengths[i]]`.
    """

    def __init__(self, weights: PackedLlamaWeights, capacity: int) -> None:
        self.weights, self.capacity = weights, capacity
        self.lengths = torch.zeros(0, dtype=torch.long)
        self.cache = torch.empty(0)
        """Layers x 2 (keys, values) x capacity x kv heads x longest sequence x head size."""

    def free_slots(self) -> int:
        return self.capacity - len(self.lengths)

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[list[int]], longest: int) -> torch.Tensor:
        """Prompts are padded on the right, which causal attention ignores."""
        self._grow_kv_cache(longest)
        first, sizes = len(self.lengths), torch.tensor([len(prompt) for prompt in prompts])
        width = int(sizes.max())
        ids = torch.tensor([prompt + [prompt[0]] * (width - len(prompt)) for prompt in prompts])
        last = torch.arange(len(prompts)) * width + sizes - 1
        self.lengths = torch.cat([self.lengths, sizes])
        return self._forward(ids, torch.arange(width).repeat(len(prompts)), slice(first, first + len(prompts)), last)

    @torch.inference_mode()
    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        position = self.lengths
        self.lengths = position + 1
        return self._forward(tokens[:, None], position, slice(0, len(tokens)), None)

    @torch.inference_mode()
    def losses(self, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The sum of each row's negative log-likelihoods, as `likelihood.Losses`; only for an empty batch.

        The output layer runs only where there are labels, and the logits are converted to fp32 in parts.
        """
        count, width = ids.shape
        self._grow_kv_cache(width)
        next_labels = shift_labels(labels).flatten()
        labelled = (next_labels != -100).nonzero().squeeze(1)
        logits = self._forward(ids, torch.arange(width).repeat(count), slice(0, count), labelled)
        losses = [functional.cross_entropy(chunk.float(), chunk_labels, reduction="none") for chunk, chunk_labels
                  in zip(torch.split(logits, _SCORED_ROWS), torch.split(next_labels[labelled], _SCORED_ROWS),
                         strict=True)]
        return torch.zeros(count).index_add_(0, labelled // width, torch.cat(losses))

    @torch.inference_mode()
    def retain(self, rows: Sequence[int]) -> list[int]:
        """Fills the gaps with the last rows, so that little of the cache is copied."""
        order, count = list(range(len(self.lengths))), len(rows)
        if count == len(order):
            return order
        retained = set(rows)
        movers = [row for row in order[count:] if row in retained]
        for gap in (row for row in order[:count] if row not in retained):
            order[gap] = movers.pop(0)
            length = int(self.lengths[order[gap]])
            self.cache[:, :, gap, :, :length] = self.cache[:, :, order[gap], :, :length]
        self.lengths = self.lengths[torch.tensor(order[:count], dtype=torch.long)]
        return order[:count]

    def _grow_kv_cache(self, longest: int) -> None:
        """Make room for sequences of `longest` tokens, keeping what is cached."""
        current = self.cache.shape[4] if self.cache.dim() == 6 else 0
        if longest <= current:
            return
        weights = self.weights
        longest = -(-longest // _CACHE_GROWTH) * _CACHE_GROWTH
        larger = torch.zeros(len(weights.layers), 2, self.capacity, weights.kv_heads, longest, weights.head_size,
                             dtype=weights.dtype)  # zeros: masked positions must still hold finite numbers
        if current:
            larger[:, :, :, :, :current] = self.cache
        self.cache = larger
        self.cos, self.sin = weights.rotary_cos_sin(longest)

    def _forward(self, ids: torch.Tensor, position: torch.Tensor, cache_rows: slice,
                 logits_at: torch.Tensor | None) -> torch.Tensor:
        """Logits, M x V or B x V.

        Args:
            ids: B x T.
            position: B*T, each token's position in its sequence.
            cache_rows: the B rows of the cache that take the new keys and values.
            logits_at: M indices into the B*T tokens, for a prefill; None for a decoding step (T = 1): all of them.
        """
        weights, (count, width) = self.weights, ids.shape
        q_size, rotated_heads = weights.heads * weights.head_size, weights.heads + weights.kv_heads
        cos, sin = self.cos[position], self.sin[position]
        mask, rows = self._mask(position) if logits_at is None else None, torch.arange(count)
        hidden = weights.embedding[ids.flatten()]
        for layer, cache in zip(weights.layers, self.cache, strict=True):
            qkv = layer.qkv(weights.norm(hidden, layer.attention_norm))
            rotated = qkv[:, : rotated_heads * weights.head_size].view(-1, rotated_heads, weights.head_size)
            swapped = rotated.roll(weights.head_size // 2, -1)
            rotated.mul_(cos).addcmul_(swapped, sin)
            kv = qkv[:, q_size:].view(count, width, 2, weights.kv_heads, weights.head_size)
            if mask is None:
                cache[:, cache_rows, :, :width] = kv.permute(2, 0, 3, 1, 4)
                query = qkv[:, :q_size].view(count, width, weights.heads, weights.head_size)
                context = self._prefill_attention(query, kv)
            else:
                cache[:, rows, :, position] = kv[:, 0]
                context = self._decode_attention(qkv[:, :q_size], cache[:, :count], mask)
            hidden = layer.out.add(context, hidden)
            inner = weights.norm(hidden, layer.mlp_norm)
            hidden = layer.down.add(layer.up.mul(inner, layer.gate.silu(inner)), hidden)
        return weights.head(weights.norm(hidden if logits_at is None else hidden[logits_at], weights.last_norm))

    def _mask(self, position: torch.Tensor) -> torch.Tensor:
        """B x 1 x 1 x S attention mask (0 or -inf): each row attends to its own tokens up to `position`."""
        beyond = torch.arange(int(position.max()) + 1) > position[:, None]
        return torch.zeros(beyond.shape, dtype=self.weights.dtype).masked_fill_(beyond, -torch.inf)[:, None, None]

    def _decode_attention(self, query: torch.Tensor, cache: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Attention of one new token per row. Query heads that share a key head are laid out along the sequence
        dimension, so no key or value is repeated."""
        weights, count = self.weights, len(query)
        keys, values = cache[..., : mask.shape[-1], :]
        context = functional.scaled_dot_product_attention(
            query.view(count, weights.kv_heads, -1, weights.head_size), keys, values, attn_mask=mask)
        return context.reshape(count, -1)

    def _prefill_attention(self, query: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
        """Causal attention over whole prompts. Shapes: query B x T x heads x size; kv B x T x 2 x kv heads x size."""
        keys, values = kv.permute(2, 0, 3, 1, 4)
        context = functional.scaled_dot_product_attention(query.transpose(1, 2), keys, values, is_causal=True,
                                                          enable_gqa=self.weights.heads != self.weights.kv_heads)
        return context.transpose(1, 2).reshape(query.shape[0] * query.shape[1], -1)
