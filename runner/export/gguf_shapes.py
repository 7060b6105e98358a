"""What llama.cpp must be told of a model's shape, for the two architectures that can be written here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np

from runner.export.errors import CannotExport

Config = Mapping[str, Any]
Weights = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Shape:
    """How one architecture is written to GGUF."""

    arch: gguf.MODEL_ARCH
    describe: Callable[[gguf.GGUFWriter, Config], None]
    """Writes its hyperparameters."""
    interleaves: bool
    """Whether query and key rows are stored in pairs of neighbours, as llama.cpp rotates them, and not in halves."""


def shape_of(config: Config) -> Shape:
    """Return how a model is written.

    Raises:
        CannotExport: it is of another architecture, or its position encoding is scaled in a way that cannot be written.
    """
    kind = str(config.get("model_type"))
    if kind not in SHAPES:
        raise CannotExport(f"a model of the kind {kind!r} cannot be written to GGUF here, only {', '.join(SHAPES)}: "
                           "give llama.cpp's script with --converter PATH/convert_hf_to_gguf.py, or export --form "
                           "merged")
    rope = str(_rope(config).get("rope_type", "default"))
    if rope not in ("default", "linear"):
        raise CannotExport(f"its position encoding is scaled by {rope!r}, which cannot be written to GGUF here: give "
                           "llama.cpp's script with --converter PATH/convert_hf_to_gguf.py")
    return SHAPES[kind]


def stored(shape: Shape, name: str, weights: Weights, config: Config) -> Weights:
    """The weights of a tensor in the order in which GGUF has them.

    Args:
        name: the tensor's name in GGUF.
    """
    heads = {"attn_q": _heads(config), "attn_k": _key_heads(config)}.get(name.split(".")[-2])
    if heads is None or not shape.interleaves:
        return weights
    halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return halves.swapaxes(1, 2).reshape(weights.shape)


def _describe_llama(writer: gguf.GGUFWriter, config: Config) -> None:
    width = config.get("head_dim") or config["hidden_size"] // _heads(config)
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count_kv(_key_heads(config))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(width)
    if width * _heads(config) != config["hidden_size"]:
        writer.add_key_length(width)
        writer.add_value_length(width)


def _describe_phi(writer: gguf.GGUFWriter, config: Config) -> None:
    share = _rope(config).get("partial_rotary_factor") or config.get("partial_rotary_factor") or 0.5
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count_kv(_key_heads(config))
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_rope_dimension_count(int(share * config["hidden_size"]) // _heads(config))


def describe(writer: gguf.GGUFWriter, shape: Shape, config: Config) -> None:
    """Write the hyperparameters of a model."""
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_head_count(_heads(config))
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_freq_base(float(_rope(config).get("rope_theta") or 10000.0))
    if _rope(config).get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(_rope(config)["factor"]))
    shape.describe(writer, config)


def _heads(config: Config) -> int:
    return int(config["num_attention_heads"])


def _key_heads(config: Config) -> int:
    return int(config.get("num_key_value_heads") or _heads(config))


def _rope(config: Config) -> Config:
    return config.get("rope_parameters") or config.get("rope_scaling") or {}


SHAPES: Mapping[str, Shape] = {
    "llama": Shape(gguf.MODEL_ARCH.LLAMA, _describe_llama, interleaves=True),
    "phi": Shape(gguf.MODEL_ARCH.PHI2, _describe_phi, interleaves=False),
}
