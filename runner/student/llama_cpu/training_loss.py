"""The loss of a Llama-shaped model with LoRA adapters on a CPU: a lean pass, computed where tokens are.

The library's pass under autocast casts every adapter, keeps a dozen tensors a layer and multiplies padding. This one
works on the batch's real tokens alone, is written out forward and backward, and computes the same: held by a test.
Other architectures, GPUs, 4-bit weights and recomputed activations take the library's own pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import Function

from runner.student.inference.likelihood import shift_labels
from runner.student.llama_cpu.lora_linear import FusedLoraLinear
from runner.student.llama_cpu.support import is_plain_llama
from runner.student.llama_cpu.transformer_block import (
    AttentionShape, PaddedBatch, TransformerBlock, rms_norm, rms_norm_backward,
)
from runner.student.lora import peft_adapter
from runner.student.lora.cpu_dropout import DropoutMaskPool

_ROWS = 8  # labels whose chances are worked out at a time: 1.6 MB of fp32 on the embedded student, which a cache holds


def supports_training(adapted: Any) -> bool:
    """Whether this model with its adapter can be trained here."""
    base = adapted.get_base_model()
    return (is_plain_llama(base) and not base.config.attention_dropout and base.lm_head.bias is None
            and peft_adapter.is_standard_lora(adapted))


class FusedLoraLoss:
    """The sum of label losses of a batch, with gradients for the adapters.

    The model's own weights are in use here until `give_back`.
    """

    def __init__(self, adapted: Any) -> None:
        base = adapted.get_base_model()
        config, inner = base.config, base.model
        self.adapted, self.epsilon = adapted, config.rms_norm_eps
        self.heads = AttentionShape(config.num_attention_heads, config.num_key_value_heads,
                                    getattr(config, "head_dim",
                                            None) or config.hidden_size // config.num_attention_heads)
        self.embedding, self.head, self.last_norm = inner.embed_tokens.weight, base.lm_head.weight, inner.norm.weight
        self.rotary = inner.rotary_emb
        with torch.no_grad():
            self.blocks = [_block(layer, self.heads, self.epsilon) for layer in inner.layers]
        groups = [group for block in self.blocks for group in block.groups]
        self.weights = [weight for group in groups for weight in (*group.downs, *group.ups)]
        self.widest = max(group.width for group in groups)
        self.pool = DropoutMaskPool(peft_adapter.dropout_of(adapted), self.embedding.dtype)

    def release(self) -> None:
        """The model has its weights again; this is of no use any more."""
        for block in self.blocks:
            for group in block.groups:
                group.give_back()

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Shapes: B x T each; padding on the right."""
        total: torch.Tensor = _LoraLossFunction.apply(self, ids, mask.bool(), labels,
                                                      *self.weights)  # type: ignore[no-untyped-call]
        return total

    def forward(self, ids: torch.Tensor, real: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """The loss, and what its gradient needs."""
        for block in self.blocks:
            for group in block.groups:
                group.refresh()
        draw = self.pool.mask_sampler(self.adapted.training, int(real.sum()) * self.widest)
        rows, kept = self._rows(real), []
        hidden = self.embedding[ids[real]]
        for block in self.blocks:
            hidden, left = block.forward(hidden, rows, draw)
            kept.append(left)
        right = shift_labels(labels)[real]
        wanted = (right != -100).nonzero().squeeze(1)
        last, norm = rms_norm(hidden[wanted], self.last_norm, self.epsilon)
        total, for_last = cross_entropy_with_grad(last, self.head, right[wanted])
        return total, (rows, kept, wanted, norm, for_last, hidden.shape)

    def backward(self, state: Any) -> list[torch.Tensor]:
        """Gradients of `weights`, views into one tensor of fp32."""
        rows, kept, wanted, norm, for_last, shape = state
        some = torch.zeros_like(for_last)
        rms_norm_backward(some, for_last, norm, self.last_norm)
        grad = some.new_zeros(shape).index_copy_(0, wanted, some)
        flat = grad.new_empty(sum(weight.numel() for weight in self.weights))
        into = iter(_views(flat, [part for block in self.blocks for group in block.groups for part in group.parts]))
        places = [tuple([next(into) for _ in group.parts] for group in block.groups) for block in self.blocks]
        for block, place in zip(reversed(self.blocks), reversed(places), strict=True):
            grad = block.backward(grad, kept.pop(), rows, place)
        return _views(flat.float(), self.weights)

    def _rows(self, real: torch.Tensor) -> PaddedBatch:
        (count, width), places = real.shape, real.flatten().nonzero().squeeze(1)
        tokens = torch.zeros(real.numel(), dtype=torch.long).index_copy_(0, places, torch.arange(len(places)))
        causal = torch.full((width, width), -torch.inf, dtype=self.embedding.dtype).triu_(1)
        cos, sin = self.rotary(self.embedding[:1], torch.arange(width)[None])
        half, times = self.heads.size // 2, self.heads.queries + self.heads.keys
        signed = torch.cat([-sin[0][:, :half], sin[0][:, half:]], -1)
        return PaddedBatch(count, width, places, tokens, causal.repeat(self.heads.queries // self.heads.keys, 1),
                           cos[0][places % width].repeat(1, times), signed[places % width].repeat(1, times))


class _LoraLossFunction(Function):
    """Hands the pass to autograd as one operation on all adapters' weights."""

    @staticmethod
    def forward(ctx: Any, loss: FusedLoraLoss, ids: torch.Tensor, real: torch.Tensor, labels: torch.Tensor,
                *_: torch.Tensor) -> torch.Tensor:
        total, ctx.state = loss.forward(ids, real, labels)
        ctx.loss = loss
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        found = ctx.loss.backward(ctx.state)
        ctx.state = None
        if found:
            found[0]._base.mul_(grad)
        return None, None, None, None, *found


def cross_entropy_with_grad(hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor,
                                                                                                     torch.Tensor]:
    """Sum of the negative log-likelihoods of one label a row, in fp32, and its gradient for `hidden`.

    The gradient is worked out at once, where the logits are at hand anyway; no fp32 copy of all of them is made.
    """
    logits, total = hidden @ head.t(), hidden.new_zeros((), dtype=torch.float32)
    for some, wanted in zip(torch.split(logits, _ROWS), torch.split(labels, _ROWS), strict=True):
        chances = some.softmax(-1, dtype=torch.float32)
        likeliest = some.amax(-1).float() - chances.amax(-1).log()  # the logarithm of the sum of exponentials
        total += (likeliest - some.gather(1, wanted[:, None]).squeeze(1)).sum()
        some.copy_(chances.scatter_add_(1, wanted[:, None], chances.new_full((len(some), 1), -1.0)))
    return total, logits @ head


def _views(flat: torch.Tensor, like: list[torch.Tensor]) -> list[torch.Tensor]:
    parts = torch.split(flat, [one.numel() for one in like])
    return [part.view(one.shape) for part, one in zip(parts, like, strict=True)]


def _block(layer: Any, heads: AttentionShape, epsilon: float) -> TransformerBlock:
    attention, mlp = layer.self_attn, layer.mlp
    return TransformerBlock(heads, epsilon, (layer.input_layernorm.weight, layer.post_attention_layernorm.weight),
                            _group(attention.q_proj, attention.k_proj, attention.v_proj), _group(attention.o_proj),
                            _group(mlp.gate_proj, mlp.up_proj), _group(mlp.down_proj))


def _group(*linears: Any) -> FusedLoraLinear:
    adapted = [peft_adapter.lora_layers(one) for one in linears]
    plain = [one.linear if one else linear for one, linear in zip(adapted, linears, strict=True)]
    bias = None if plain[0].bias is None else torch.cat([one.bias for one in plain])
    return FusedLoraLinear(plain, bias, adapted)
