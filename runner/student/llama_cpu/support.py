"""Which models our own passes can work with: a plain Llama on the CPU, in a precision that both passes know."""

from __future__ import annotations

from typing import Any

import torch

_ROPE_TYPES = ("default", "linear", "llama3")  # those whose angles do not depend on how long the text has become


def is_plain_llama(model: Any) -> bool:
    """Whether a model, without its adapter, is of this shape; what its layers hold is for each pass to say."""
    config = model.config
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (type(model).__name__ == "LlamaForCausalLM" and model.device.type == "cpu"
            and model.dtype in (torch.float32, torch.bfloat16) and not getattr(model, "is_quantized", False)
            and config.hidden_act == "silu" and rope in _ROPE_TYPES)
