"""Which models this package supports: Llama architecture, on the CPU, in fp32 or bf16, not quantized."""

from __future__ import annotations

from typing import Any

import torch

_ROPE_TYPES = ("default", "linear", "llama3")  # their rotary angles do not depend on the sequence length


def is_supported_llama(model: Any) -> bool:
    """Whether the base model qualifies; the decoder and the training loss add checks of their layers."""
    config = model.config
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (type(model).__name__ == "LlamaForCausalLM" and model.device.type == "cpu"
            and model.dtype in (torch.float32, torch.bfloat16) and not getattr(model, "is_quantized", False)
            and config.hidden_act == "silu" and rope in _ROPE_TYPES)
