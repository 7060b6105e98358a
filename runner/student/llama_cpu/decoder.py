"""Answers in the making, for Llama-shaped models on a CPU: a lean forward pass over packed weights and a fixed cache.

The library's forward pass spends as long on 30 layers of modules, masks and growing caches as on the numbers. This
one has a dozen operations a layer, computes the same (in fp32 the same greedy answers, held by a test), and takes a
waiting row in wherever a finished one has left. Other architectures, GPUs and 4-bit weights take `rows.HFDecodeBatch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from runner.student.inference.likelihood import Losses, shift_labels
from runner.student.llama_cpu.packed_linear import OneDnnLinear
from runner.student.llama_cpu.support import is_plain_llama

_CACHE_GROWTH = 64
_FEW = 48  # rows at work: below that, torch's own attention is quicker than two products and a softmax
_SCORED_ROWS = 64  # labels whose likelihoods are worked out at a time: 13 MB of fp32 on the embedded student


def supports_decoding(model: Any) -> bool:
    """Whether this model can be worked with here."""
    return is_plain_llama(model) and type(model.model.layers[0].self_attn.q_proj) is torch.nn.Linear


@dataclass(frozen=True)
class _Layer:
    """One block's weights: queries, keys and values in one product."""

    before_attention: torch.Tensor
    qkv: OneDnnLinear
    out: OneDnnLinear
    before_mlp: torch.Tensor
    gate: OneDnnLinear
    up: OneDnnLinear
    down: OneDnnLinear


class PackedLlamaWeights:
    """A Llama model's weights, packed for answering; a second copy of them, so let it go before training.

    With `use_up` the model's own are let go one by one as they are packed: it is of no use afterwards.
    """

    def __init__(self, model: Any, use_up: bool = False) -> None:
        config = model.config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_size = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon, self.dtype = config.rms_norm_eps, model.dtype
        with torch.inference_mode():
            self.layers = [_packed(layer, use_up) for layer in model.model.layers]
            self.head = OneDnnLinear(model.lm_head.weight.detach(), model.lm_head.bias)
        self.embedding = model.model.embed_tokens.weight.detach()
        self.last_norm = model.model.norm.weight.detach()
        self._rotary = model.model.rotary_emb

    def rotary_cos_sin(self, positions: int) -> tuple[torch.Tensor, torch.Tensor]:
        """cos and sin, each positions x 1 x head size; sin has the sign of the rotated half's swap in it."""
        cos, sin = self._rotary(self.embedding[:1], torch.arange(positions)[None])
        half = self.head_size // 2
        return cos[0][:, None], torch.cat([-sin[0][:, :half], sin[0][:, half:]], -1)[:, None]

    def norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (x.shape[-1],), weight, self.epsilon)


def _packed(layer: Any, use_up: bool) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    three = (attention.q_proj, attention.k_proj, attention.v_proj)
    bias = None if three[0].bias is None else torch.cat([one.bias for one in three])
    packed = _Layer(
        layer.input_layernorm.weight.detach(), OneDnnLinear(torch.cat([one.weight for one in three]), bias),
        _pack(attention.o_proj), layer.post_attention_layernorm.weight.detach(), _pack(mlp.gate_proj),
        _pack(mlp.up_proj),
        _pack(mlp.down_proj))
    if use_up and packed.qkv.packed:  # the plain way keeps the weights that it was given
        for linear in (*three, attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj):
            linear.weight.data = linear.weight.new_empty(0)
    return packed


def _pack(linear: Any) -> OneDnnLinear:
    return OneDnnLinear(linear.weight.detach(), None if linear.bias is None else linear.bias.detach())


def losses_of(weights: PackedLlamaWeights) -> Losses:
    """How likely answers are, by these weights; a cache of their own for each batch."""
    return lambda ids, mask, labels: LlamaDecodeBatch(weights, len(ids)).losses(ids, labels)


class LlamaDecodeBatch:
    """Rows at work over `PackedLlamaWeights`; row i's keys and values lie in `cache[layer, :, i]` up to its
    own length."""

    def __init__(self, weights: PackedLlamaWeights, capacity: int) -> None:
        self.weights, self.capacity = weights, capacity
        self.lengths = torch.zeros(0, dtype=torch.long)
        self.cache = torch.empty(0)
        """Layers x (keys, values) x capacity x kv heads x longest x head size."""

    def free_slots(self) -> int:
        return self.capacity - len(self.lengths)

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[list[int]], longest: int) -> torch.Tensor:
        """Padded on the right, where a causal model cannot see it."""
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
        """The sum of each row's negative log-likelihoods, as `likelihood.Losses` has it; no row may be at work.

        The output layer is asked where labels are; of all logits no fp32 copy is made at once.
        """
        count, width = ids.shape
        self._grow_kv_cache(width)
        wanted = shift_labels(labels).flatten()
        at = (wanted != -100).nonzero().squeeze(1)
        logits = self._forward(ids, torch.arange(width).repeat(count), slice(0, count), at)
        found = [functional.cross_entropy(some.float(), right, reduction="none") for some, right
                 in zip(torch.split(logits, _SCORED_ROWS), torch.split(wanted[at], _SCORED_ROWS), strict=True)]
        return torch.zeros(count).index_add_(0, at // width, torch.cat(found))

    @torch.inference_mode()
    def retain(self, rows: Sequence[int]) -> list[int]:
        """The last rows move into the gaps, so that little is copied."""
        order, count = list(range(len(self.lengths))), len(rows)
        if count == len(order):
            return order
        stay = set(rows)
        movers = [row for row in order[count:] if row in stay]
        for gap in (row for row in order[:count] if row not in stay):
            order[gap] = movers.pop(0)
            length = int(self.lengths[order[gap]])
            self.cache[:, :, gap, :, :length] = self.cache[:, :, order[gap], :, :length]
        self.lengths = self.lengths[torch.tensor(order[:count], dtype=torch.long)]
        return order[:count]

    def _grow_kv_cache(self, longest: int) -> None:
        """A cache for rows of that length; rows at work are kept."""
        there = self.cache.shape[4] if self.cache.dim() == 6 else 0
        if longest <= there:
            return
        weights = self.weights
        longest = -(-longest // _CACHE_GROWTH) * _CACHE_GROWTH
        larger = torch.zeros(len(weights.layers), 2, self.capacity, weights.kv_heads, longest, weights.head_size,
                             dtype=weights.dtype)  # zeros: what a mask hides must still be numbers
        if there:
            larger[:, :, :, :, :there] = self.cache
        self.cache = larger
        self.cos, self.sin = weights.rotary_cos_sin(longest)

    def _forward(self, ids: torch.Tensor, position: torch.Tensor, at: slice, last: torch.Tensor | None) -> torch.Tensor:
        """Logits of the tokens `last` of all B x T (None: of all).

        Shapes: ids B x T; position B*T; hidden states B*T x hidden. Rows `at` of the cache take keys and values.
        """
        weights, (count, width) = self.weights, ids.shape
        q_size, rotated = weights.heads * weights.head_size, weights.heads + weights.kv_heads
        cos, sin = self.cos[position], self.sin[position]
        mask, rows = self._mask(position) if last is None else None, torch.arange(count)
        hidden = weights.embedding[ids.flatten()]
        for layer, cache in zip(weights.layers, self.cache, strict=True):
            mixed = layer.qkv(weights.norm(hidden, layer.before_attention))
            turned = mixed[:, : rotated * weights.head_size].view(-1, rotated, weights.head_size)
            swapped = turned.roll(weights.head_size // 2, -1)
            turned.mul_(cos).addcmul_(swapped, sin)
            kv = mixed[:, q_size:].view(count, width, 2, weights.kv_heads, weights.head_size)
            if mask is None:
                cache[:, at, :, :width] = kv.permute(2, 0, 3, 1, 4)
                seen = self._prefill_attention(mixed[:, :q_size].view(count, width, weights.heads, weights.head_size),
                                               kv)
            else:
                cache[:, rows, :, position] = kv[:, 0]
                seen = self._decode_attention(mixed[:, :q_size], cache[:, :count], mask)
            hidden = layer.out.add(seen, hidden)
            inner = weights.norm(hidden, layer.before_mlp)
            hidden = layer.down.add(layer.up.mul(inner, layer.gate.silu(inner)), hidden)
        return weights.head(weights.norm(hidden if last is None else hidden[last], weights.last_norm))

    def _mask(self, position: torch.Tensor) -> torch.Tensor:
        """B x 1 x 1 x S: each row sees its own tokens up to the one at work."""
        beyond = torch.arange(int(position.max()) + 1) > position[:, None]
        return torch.zeros(beyond.shape, dtype=self.weights.dtype).masked_fill_(beyond, -torch.inf)[:, None, None]

    def _decode_attention(self, query: torch.Tensor, cache: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """One token a row. The heads that share keys stand where other models have positions: nothing is repeated."""
        weights, seen, count = self.weights, mask.shape[-1], len(query)
        if count < _FEW:
            keys, values = cache[..., :seen, :]
            mixed = functional.scaled_dot_product_attention(
                query.view(count, weights.kv_heads, -1, weights.head_size), keys, values, attn_mask=mask)
            return mixed.reshape(count, -1)
        keys, values = cache.flatten(1, 2)[..., :seen, :]
        heads = (query * weights.head_size**-0.5).view(len(keys), -1, weights.head_size)
        # keys first: what stands second is copied into the processor's order, and of queries there are but few
        scores = torch.bmm(keys, heads.transpose(1, 2)).transpose(1, 2)
        scores.view(count, weights.kv_heads, -1, seen).add_(mask)
        chances = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
        return torch.bmm(chances, values).view(count, -1)

    def _prefill_attention(self, query: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
        """Whole prompts: B x T x heads x size, causal."""
        keys, values = kv.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query.transpose(1, 2), keys, values, is_causal=True,
                                                        enable_gqa=self.weights.heads != self.weights.kv_heads)
        return mixed.transpose(1, 2).reshape(query.shape[0] * query.shape[1], -1)
