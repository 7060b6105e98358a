"""Estimate the memory that a student needs, in bytes, before it is loaded. Pure.

An upper bound rather than an average: sequences are assumed to be as long as the configuration allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.hardware.machine import GB

BYTES_PER_WEIGHT = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "nf4": 0.65}
"""nf4: 4 bits, the quantization scales, and embeddings in 16 bits (Phi-2: 1.8 GB for 2.78 billion weights)."""
_LIBRARIES_BYTES = {"cpu": 0.9 * GB, "cuda": 0.1 * GB}
"""Resident after importing torch, transformers, peft and trl; on a GPU, the kernels' workspace."""
_ADAM_BYTES = 16  # per adapter weight: fp32 value, gradient, and Adam's two moments
# live tensors of one block during its backward pass: of hidden width, and of the MLP's inner width
_HIDDEN_A_LAYER, _INNER_A_LAYER = 14, 4
_LOGIT_BYTES = 8  # fp32 logits and their gradient


@dataclass(frozen=True)
class ModelDimensions:
    """A model's dimensions, from its configuration."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    vocabulary: int
    copies: int = 2
    """Copies of the weights in memory on a CPU: the base and the merged copy; a third, packed one for a Llama that only
    transformers can read. A Llama read directly from its files has one copy at a time but is counted as two."""

    @property
    def activation_bytes_per_token(self) -> float:
        """Activations saved for the backward pass without gradient checkpointing (embedded student: 1.5 MB)."""
        return 2.0 * self.layers * (24 * self.hidden + 7 * self.inner) + 3 * self.vocabulary


EMBEDDED = ModelDimensions(134_515_008, 30, 576, 1536, 49_152)


@dataclass(frozen=True)
class Need:
    """A memory estimate by component."""

    weights_bytes: float
    """All copies of the weights."""
    adapter_bytes: float
    """LoRA weights with gradients and optimizer state."""
    activation_bytes: float
    """One training batch, with gradient checkpointing."""
    libraries_bytes: float

    @property
    def total_bytes(self) -> float:
        return self.weights_bytes + self.adapter_bytes + self.activation_bytes + self.libraries_bytes

    def __str__(self) -> str:
        parts = (("weights", self.weights_bytes), ("adapter and optimizer", self.adapter_bytes),
                 ("activations", self.activation_bytes), ("libraries", self.libraries_bytes))
        return (f"needs up to {self.total_bytes / GB:.1f} GB ("
                + ", ".join(f"{name} {size / GB:.1f}" for name, size in parts) + ")")


def estimate_memory(size: ModelDimensions, precision: str, device: str, batch: int, tokens: int,
                    lora_rank: int) -> Need:
    """Upper bound of the memory for training and answering, with `batch` sequences of `tokens` tokens at a time.

    On a GPU and in 4 bits there is one copy of the weights, because answers use the unmerged adapter.
    """
    copies = size.copies if device == "cpu" and precision != "nf4" else 1
    width = 4 if precision == "fp32" else 2
    # input plus output features, summed over a block's adapted layers
    in_plus_out = 8 * size.hidden + 3 * (size.hidden + size.inner)
    block = width * (_HIDDEN_A_LAYER * size.hidden + _INNER_A_LAYER * size.inner)
    per_token = width * size.layers * size.hidden + block + _LOGIT_BYTES * size.vocabulary
    return Need(size.parameters * BYTES_PER_WEIGHT[precision] * copies,
                _ADAM_BYTES * lora_rank * size.layers * in_plus_out, per_token * batch * tokens,
                _LIBRARIES_BYTES[device])
