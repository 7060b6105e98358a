"""The loss of a Llama-shaped model with LoRA adapters on a CPU: a lean forward pass, computed where tokens are.

The library's pass under autocast casts every adapter, keeps a dozen tensors a layer and multiplies padding. This one
works on the batch's real tokens alone (only attention sees rows), and computes the same: held by a test. Other
architectures, GPUs, 4-bit weights and recomputed activations take the library's own pass.
"""

from __future__ import annotations

from typing import Any

import torch
from runner.student import adapters
from runner.student.dropout import kept_factors
from runner.student.lora_functions import Adapted, Gated, LabelLosses, RmsNorm, Turned, applied, products

_ROPE_TYPES = ("default", "linear", "llama3")  # those whose angles do not depend on how long the text has become


def fits(adapted: Any) -> bool:
    """Whether this model with its adapter can be trained here."""
    base = adapted.get_base_model()
    config = base.config
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (type(base).__name__ == "LlamaForCausalLM" and base.device.type == "cpu"
            and base.dtype in (torch.float32, torch.bfloat16) and not getattr(base, "is_quantized", False)
            and config.hidden_act == "silu" and rope in _ROPE_TYPES and not config.attention_dropout
            and base.lm_head.bias is None
            and adapters.is_plain(adapted))


class _Group:
    """Layers that read the same input, one dropout for all of them."""

    def __init__(self, *linears: Any) -> None:
        found = [adapters.wrapped(one) for one in linears]
        there = [one for one in found if one is not None]
        bases = [one.linear if one else linear for one, linear in zip(found, linears, strict=True)]
        self.layers = Adapted(
            tuple(one.weight for one in bases), tuple(one.bias for one in bases),
            tuple(one.scale if one else 0.0 for one in found), tuple(len(one.down) if one else 0 for one in found))
        self.downs, self.ups = [one.down for one in there], [one.up for one in there]
        self.dropout = there[0].dropout if there else None

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return products(x, kept_factors(self.dropout, x), self.layers, self.downs, self.ups)


class LlamaLoss:
    """The sum of label losses of a batch, with gradients for the adapters."""

    def __init__(self, adapted: Any) -> None:
        base = adapted.get_base_model()
        config, inner = base.config, base.model
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon = config.rms_norm_eps
        self.embedding, self.head, self.last_norm = inner.embed_tokens.weight, base.lm_head.weight, inner.norm.weight
        self.rotary = inner.rotary_emb
        self.layers = [(layer.input_layernorm.weight, layer.post_attention_layernorm.weight,
                        _Group(layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj),
                        _Group(layer.self_attn.o_proj), _Group(layer.mlp.gate_proj, layer.mlp.up_proj),
                        _Group(layer.mlp.down_proj)) for layer in inner.layers]

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Shapes: B x T each; N are the real tokens among them."""
        real = mask.bool()
        places, position, causal = self._places(real)
        cos, sin = self._angles(ids.shape[1], position)
        hidden = self.embedding[ids[real]]
        for before_attention, before_mlp, qkv, out, gate_up, down in self.layers:
            mixed = torch.cat(qkv(applied(RmsNorm, hidden, before_attention, self.epsilon)), 1)
            seen = self._attend(mixed.view(len(hidden), -1, self.size), cos, sin, places, causal, ids.shape)
            hidden = hidden + out(seen)[0]
            gate, up = gate_up(applied(RmsNorm, hidden, before_mlp, self.epsilon))
            hidden = hidden + down(applied(Gated, gate, up))[0]
        following = labels.roll(-1, 1).index_fill(1, torch.tensor([labels.shape[1] - 1]), -100)[real]
        wanted = (following != -100).nonzero().squeeze(1)
        last = applied(RmsNorm, hidden[wanted], self.last_norm, self.epsilon)
        total: torch.Tensor = applied(LabelLosses, last, self.head, following[wanted])
        return total

    def _places(self, real: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        """Where each real token stands in B x T with padding on the right (None: everywhere), its position, the mask.

        The mask has the rows of all heads that share keys below each other: a causal model with padding on the right
        needs no other.
        """
        width = real.shape[1]
        lengths = real.sum(1, keepdim=True)
        there = torch.arange(width) < lengths
        places = there.flatten().nonzero().squeeze(1)
        causal = torch.full((width, width), -torch.inf, dtype=self.embedding.dtype).triu_(1)
        full = len(places) == there.numel()
        return None if full else places, places % width, causal.repeat(self.heads // self.kv_heads, 1)

    def _angles(self, width: int, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cos, sin = self.rotary(self.embedding[:1], torch.arange(width)[None])
        half = self.size // 2
        signed = torch.cat([-sin[0][:, :half], sin[0][:, half:]], -1)
        return cos[0][position][:, None], signed[position][:, None]

    def _attend(self, mixed: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, places: torch.Tensor | None,
                causal: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """Shapes: mixed N x (heads + 2 kv heads) x size; result N x heads * size."""
        (rows, width), groups = shape, self.heads // self.kv_heads
        turned = applied(Turned, mixed[:, : -self.kv_heads], cos, sin)
        mixed = torch.cat([turned, mixed[:, -self.kv_heads :]], 1)
        if places is not None:
            mixed = mixed.new_zeros(rows * width, *mixed.shape[1:]).index_copy(0, places, mixed)
        mixed = mixed.view(rows, width, -1, self.size).transpose(1, 2)
        query = mixed[:, : self.heads].reshape(rows * self.kv_heads, groups * width, self.size)
        key, value = (mixed[:, at : at + self.kv_heads].reshape(-1, width, self.size)
                      for at in (self.heads, self.heads + self.kv_heads))
        scores = torch.baddbmm(causal, query, key.transpose(1, 2), alpha=self.size**-0.5)
        seen = torch.bmm(scores.softmax(-1), value).view(rows, self.heads, width, self.size).transpose(1, 2)
        flat = seen.reshape(rows * width, self.heads * self.size)
        return flat if places is None else flat.index_select(0, places)
