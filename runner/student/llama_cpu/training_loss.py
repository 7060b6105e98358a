"""Training loss of a Llama-shaped model with LoRA adapters on a CPU, with its gradients, computed without padding.

The library's pass under autocast casts every adapter, keeps a dozen tensors a layer and multiplies padding. This one
computes the same loss and gradients (held by a test) on the batch's real tokens only, with explicit forward and
backward passes. A batch is computed in groups of rows: some side by side, since one of a small model is too little
work for several threads, and as many after one another as memory asks for, so that nothing is ever computed twice.
Other architectures, GPUs and 4-bit weights use the library's own pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional

from runner.student.inference.likelihood import rounded_up, shift_labels
from runner.student.inference.shared_threads import SharedThreads
from runner.student.llama_cpu.lora_linear import FusedLoraLinear
from runner.student.llama_cpu.rms_norm import rms_norm, rms_norm_backward
from runner.student.llama_cpu.supported_models import is_supported_llama
from runner.student.llama_cpu.training_block import AttentionShape, PaddedBatch, SampleMask, TransformerBlock
from runner.student.lora import peft_adapter
from runner.student.lora.cpu_dropout import DropoutMaskPool

_ROUND_ROWS, _ROUND_LENGTH = 64, 16
"""Batches are filled up to multiples of this with rows of zeros, and with positions: oneDNN compiles its products anew
for each shape, a tenth of the processor time of a training whose batches all had different ones."""
_CHUNK_ROWS = 8  # labels per softmax: 1.6 MB of fp32 on the embedded student, which fits the CPU's cache

ACTIVATION_SHARE = 0.6
"""The most that this pass keeps of a token for its gradients, as a share of what the library's pass keeps
(`ModelDimensions.activation_bytes_per_token`): 0.69 MB at 128 tokens and 0.89 MB at 512 of 1.62 MB, measured on the
embedded student."""


def supports_training(adapted: Any) -> bool:
    """Whether `FusedLoraLoss` can train this model with its adapter."""
    base = adapted.get_base_model()
    return (is_supported_llama(base) and not base.config.attention_dropout and base.lm_head.bias is None
            and peft_adapter.is_standard_lora(adapted))


class FusedLoraLoss:
    """The summed cross-entropy of a batch's labels, with gradients for the adapters.

    Takes the weights of the model's linear layers until `release`; the model itself cannot be run meanwhile.
    """

    def __init__(self, adapted: Any, max_tokens: int | None = None, side_by_side: int = 1) -> None:
        """Take the weights of a model with its adapter.

        Args:
            adapted: the model.
            max_tokens: of a group of several rows; a longer row is a group of its own. None: any number.
            side_by_side: groups of rows computed at a time, each by its share of torch's threads.
        """
        base = adapted.get_base_model()
        self.max_tokens = max_tokens
        self.side_by_side, self.threads = side_by_side, SharedThreads(side_by_side)
        config, inner = base.config, base.model
        self.adapted, self.epsilon = adapted, config.rms_norm_eps
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.shape = AttentionShape(config.num_attention_heads, config.num_key_value_heads, head_size)
        self.embedding, self.head, self.last_norm = inner.embed_tokens.weight, base.lm_head.weight, inner.norm.weight
        self.rotary = inner.rotary_emb
        with torch.no_grad():
            self.blocks = [_block(layer, self.shape, self.epsilon) for layer in inner.layers]
        self.linears = [linear for block in self.blocks for linear in block.linears]
        self.weights = [weight for linear in self.linears for weight in (*linear.lora_a, *linear.lora_b)]
        self.max_in_features = max(linear.in_features for linear in self.linears)
        self.mask_pool = DropoutMaskPool(peft_adapter.dropout_of(adapted), self.embedding.dtype)

    def release(self) -> None:
        """Give the model its weights back; this object is unusable afterwards."""
        for linear in self.linears:
            linear.release()
        self.threads.close()

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss in fp32, a scalar. Shapes: B x T each; padding on the right, label -100 for none."""
        total: torch.Tensor = _LoraLossFunction.apply(self, ids, mask.bool(), labels,
                                                      *self.weights)  # type: ignore[no-untyped-call]
        return total

    @torch.no_grad()
    def with_gradients(self, ids: torch.Tensor, mask: torch.Tensor,
                       labels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The loss, and the gradients of `weights` as views into one tensor of fp32; mask is bool."""
        for linear in self.linears:
            linear.refresh()
        groups = [_rows(torch.tensor(rows), ids, mask, labels)
                  for rows in row_groups(mask.sum(1).tolist(), self.max_tokens, self.side_by_side)]
        draws = [self.mask_pool.mask_sampler(self.adapted.training,
                                             rounded_up(int(group[1].sum()), _ROUND_ROWS) * self.max_in_features)
                 for group in groups]  # in this thread: random numbers are to be the same each time
        side_by_side = self.threads.map if len(groups) > 1 else map
        (total, gradients), *others = side_by_side(self._of_group, groups, draws)
        for part, more in others:
            total += part
            if gradients:
                gradients[0]._base.add_(more[0]._base)  # type: ignore[arg-type,union-attr]
        return total, gradients

    @torch.no_grad()
    def _of_group(self, group: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
                  sample_mask: SampleMask) -> tuple[torch.Tensor, list[torch.Tensor]]:
        total, state = self.forward(*group, sample_mask)
        return total, self.backward(state)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor,
                sample_mask: SampleMask) -> tuple[torch.Tensor, Any]:
        """The loss, and the state that `backward` needs."""
        batch, saved = self._padded_batch(mask), []
        tokens = ids[mask]
        hidden = self.embedding.new_zeros(batch.rows, self.embedding.shape[1])
        hidden[: len(tokens)] = self.embedding[tokens]
        for block in self.blocks:
            hidden, block_saved = block.forward(hidden, batch, sample_mask)
            saved.append(block_saved)
        next_labels = shift_labels(labels)[mask]
        labelled = (next_labels != -100).nonzero().squeeze(1)
        last, norm = rms_norm(hidden[labelled], self.last_norm, self.epsilon)
        total, grad_last = cross_entropy_with_grad(last, self.head, next_labels[labelled])
        return total, (batch, saved, labelled, norm, grad_last, hidden.shape)

    def backward(self, state: Any) -> list[torch.Tensor]:
        """Gradients of `weights`, views into one tensor of fp32."""
        batch, saved, labelled, norm, grad_last, shape = state
        grad_labelled = torch.zeros_like(grad_last)
        rms_norm_backward(grad_labelled, grad_last, norm, self.last_norm)
        grad = grad_labelled.new_zeros(shape).index_copy_(0, labelled, grad_labelled)
        flat = grad.new_empty(sum(weight.numel() for weight in self.weights))
        views = iter(_views(flat, [part for linear in self.linears for part in linear.gradient_parts]))
        outs = [tuple([next(views) for _ in linear.gradient_parts] for linear in block.linears)
                for block in self.blocks]
        for block, out in zip(reversed(self.blocks), reversed(outs), strict=True):
            grad = block.backward(grad, saved.pop(), batch, out)
        return _views(flat.float(), self.weights)

    def _padded_batch(self, mask: torch.Tensor) -> PaddedBatch:
        batch_size, seq_len = len(mask), rounded_up(mask.shape[1], _ROUND_LENGTH)
        mask = functional.pad(mask, (0, seq_len - mask.shape[1]))
        flat_positions = mask.flatten().nonzero().squeeze(1)
        rows = rounded_up(len(flat_positions), _ROUND_ROWS)
        token_indices = torch.zeros(mask.numel(), dtype=torch.long)
        token_indices.index_copy_(0, flat_positions, torch.arange(len(flat_positions)))
        causal_mask = torch.full((seq_len, seq_len), -torch.inf, dtype=self.embedding.dtype).triu_(1)
        cos, sin = self.rotary(self.embedding[:1], torch.arange(seq_len)[None])
        half, heads = self.shape.head_size // 2, self.shape.query_heads + self.shape.kv_heads
        signed_sin = torch.cat([-sin[0][:, :half], sin[0][:, half:]], -1)
        positions = functional.pad(flat_positions % seq_len, (0, rows - len(flat_positions)))
        return PaddedBatch(batch_size, seq_len, rows, flat_positions, token_indices,
                           causal_mask.repeat(self.shape.query_heads // self.shape.kv_heads, 1),
                           cos[0][positions].repeat(1, heads), signed_sin[positions].repeat(1, heads))


class _LoraLossFunction(Function):
    """The whole pass as one autograd operation on all adapters' weights."""

    @staticmethod
    def forward(ctx: Any, loss: FusedLoraLoss, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor,
                *_: torch.Tensor) -> torch.Tensor:
        total, ctx.gradients = loss.with_gradients(ids, mask, labels)
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        gradients, ctx.gradients = ctx.gradients, None
        if gradients:
            gradients[0]._base.mul_(grad)
        return None, None, None, None, *gradients


def row_groups(lengths: Sequence[int], max_tokens: int | None, at_least: int = 1) -> list[list[int]]:
    """The numbers of all rows in as few groups of nearly equally many tokens as possible.

    Args:
        lengths: tokens of each row.
        max_tokens: of a group of several rows; None: any number.
        at_least: how many groups there are where there are as many rows.
    """
    for count in range(min(at_least, len(lengths)), len(lengths) + 1):
        groups: list[list[int]] = [[] for _ in range(count)]
        tokens = [0] * count
        for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):  # longest first, to the least so far
            least = tokens.index(min(tokens))
            groups[least].append(row)
            tokens[least] += lengths[row]
        if max_tokens is None or all(len(group) == 1 or total <= max_tokens
                                     for group, total in zip(groups, tokens, strict=True)):
            break
    return [sorted(group) for group in groups]


def _rows(rows: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor,
          labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """These rows of a batch, cut to the longest of them."""
    width = int(mask[rows].sum(1).max())
    return ids[rows, :width], mask[rows, :width], labels[rows, :width]


def cross_entropy_with_grad(hidden: torch.Tensor, head: torch.Tensor,
                            labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed cross-entropy in fp32 (scalar), and its gradient with respect to `hidden`.

    The gradient is computed while the logits are in memory; they are never converted to fp32 as a whole.

    Args:
        hidden: K x hidden, the final hidden states.
        head: V x hidden, the output layer's weight.
        labels: K token ids, one per row.
    """
    logits, total = hidden @ head.t(), hidden.new_zeros((), dtype=torch.float32)
    chunks = zip(torch.split(logits, _CHUNK_ROWS), torch.split(labels, _CHUNK_ROWS), strict=True)
    for chunk, chunk_labels in chunks:
        probs = chunk.softmax(-1, dtype=torch.float32)
        logsumexp = chunk.amax(-1).float() - probs.amax(-1).log()
        total += (logsumexp - chunk.gather(1, chunk_labels[:, None]).squeeze(1)).sum()
        chunk.copy_(probs.scatter_add_(1, chunk_labels[:, None], probs.new_full((len(chunk), 1), -1.0)))
    return total, logits @ head


def _views(flat: torch.Tensor, like: list[torch.Tensor]) -> list[torch.Tensor]:
    parts = torch.split(flat, [one.numel() for one in like])
    return [part.view(one.shape) for part, one in zip(parts, like, strict=True)]


def _block(layer: Any, shape: AttentionShape, epsilon: float) -> TransformerBlock:
    attention, mlp = layer.self_attn, layer.mlp
    return TransformerBlock(shape, epsilon, (layer.input_layernorm.weight, layer.post_attention_layernorm.weight),
                            _fused(attention.q_proj, attention.k_proj, attention.v_proj), _fused(attention.o_proj),
                            _fused(mlp.gate_proj, mlp.up_proj), _fused(mlp.down_proj))


def _fused(*linears: Any) -> FusedLoraLinear:
    adapted = [peft_adapter.lora_layers(one) for one in linears]
    base_layers = [one.linear if one else linear for one, linear in zip(adapted, linears, strict=True)]
    bias = None if base_layers[0].bias is None else torch.cat([one.bias for one in base_layers])
    return FusedLoraLinear(base_layers, bias, adapted)
