"""What a student needs, in bytes, estimated before anything is loaded. Pure.

An upper bound rather than a guess at the mean: sequences are taken to be as long as the configuration allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.hardware.machine import GB

BYTES_PER_WEIGHT = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "nf4": 0.65}
"""nf4: 4 bits, their scales, and the embeddings, which stay in 16 bits (Phi-2: 1.8 GB for 2.78 billion)."""
_LIBRARIES_BYTES = {"cpu": 0.9 * GB, "cuda": 0.1 * GB}
"""Resident once torch, transformers, peft and trl are imported; on a GPU the kernels' workspace."""
_ADAM_BYTES = 16  # an adapter weight in fp32, its gradient, and Adam's two moments
_HIDDEN_A_LAYER, _INNER_A_LAYER = 14, 4  # tensors of a block that are alive at once in its backward pass, by width
_LOGIT_BYTES = 8  # fp32 logits and their gradient


@dataclass(frozen=True)
class ModelDimensions:
    """A model's dimensions, as its configuration tells them."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    vocabulary: int
    copies: int = 2
    """Of its weights, on a CPU: the base and the adapter merged in; for a Llama that only the library can read that
    once more, packed. One that is read from its files is there once, and counts as two."""

    @property
    def kept_bytes_a_token(self) -> float:
        """Activations that stay for the backward pass without gradient checkpointing (embedded student: 1.5 MB)."""
        return 2.0 * self.layers * (24 * self.hidden + 7 * self.inner) + 3 * self.vocabulary


EMBEDDED = ModelDimensions(134_515_008, 30, 576, 1536, 49_152)


@dataclass(frozen=True)
class Need:
    """An estimate by its parts."""

    weights_bytes: float
    """All copies of them."""
    adapter_bytes: float
    """LoRA weights with gradients and optimizer."""
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
    """What training and answering take at most, with `tokens` a sequence and `batch` sequences at a time.

    The copies are left out on a GPU and in 4 bits, where answers come from the unmerged adapter.
    """
    copies = size.copies if device == "cpu" and precision != "nf4" else 1
    width = 4 if precision == "fp32" else 2
    in_and_out = 8 * size.hidden + 3 * (size.hidden + size.inner)  # of the adapted layers of a block, summed
    block = width * (_HIDDEN_A_LAYER * size.hidden + _INNER_A_LAYER * size.inner)
    a_token = width * size.layers * size.hidden + block + _LOGIT_BYTES * size.vocabulary
    return Need(size.parameters * BYTES_PER_WEIGHT[precision] * copies,
                _ADAM_BYTES * lora_rank * size.layers * in_and_out, a_token * batch * tokens,
                _LIBRARIES_BYTES[device])
