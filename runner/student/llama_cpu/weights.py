"""Read a Llama checkpoint folder without transformers, whose import takes longer than everything else at startup.

Only plain checkpoints: one safetensors file with exactly the weights that `config.json` implies, no biases, default
rotary positions. Any other folder is left to transformers, errors included. For inference only.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from runner.student.errors import ModelLoadFailed
from runner.student.safetensors_header import PLAIN_TYPES, tensors_in

Merge = Callable[[str, torch.Tensor], torch.Tensor]
"""(weight name, weight) -> the weight with an adapter merged in."""
ATTENTION, MLP = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
FILE = "model.safetensors"


@dataclass(frozen=True)
class LlamaShape:
    """A Llama's dimensions, named as in its `config.json`."""

    num_hidden_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Every weight's name and shape."""
        hidden, inner = self.hidden_size, self.intermediate_size
        queries, keys = self.num_attention_heads * self.head_dim, self.num_key_value_heads * self.head_dim
        block: dict[str, tuple[int, ...]] = {
            "self_attn.q_proj": (queries, hidden), "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden), "self_attn.o_proj": (hidden, queries),
            "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner),
            "input_layernorm": (hidden,), "post_attention_layernorm": (hidden,)}
        rest: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocab_size, hidden), "model.norm.weight": (hidden,)}
        if not self.tie_word_embeddings:
            rest["lm_head.weight"] = (self.vocab_size, hidden)
        return rest | {f"model.layers.{number}.{name}.weight": shape for number in range(self.num_hidden_layers)
                        for name, shape in block.items()}

    @property
    def parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.weights().values())


def shape_of(folder: Path) -> LlamaShape | None:
    """The dimensions of the plain Llama in a folder; None if the folder holds anything else."""
    shape = _read_config(folder)
    if shape is None or [path.name for path in folder.glob("*.safetensors")] != [FILE]:
        return None
    found = tensors_in(folder / FILE)
    plain = all(tensor.dtype in PLAIN_TYPES for tensor in found.values())
    return shape if plain and {name: tensor.shape for name, tensor in found.items()} == shape.weights() else None


def _read_config(folder: Path) -> LlamaShape | None:
    """The dimensions in a folder's `config.json`; None unless it describes a plain Llama."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": config.get("rope_theta")}
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        shape = LlamaShape(
            int(config["num_hidden_layers"]), hidden, int(config["intermediate_size"]), heads,
            int(config["num_key_value_heads"]), int(config.get("head_dim") or hidden // heads),
            int(config["vocab_size"]), int(config["max_position_embeddings"]), float(config["rms_norm_eps"]),
            float(rope["rope_theta"]), bool(config["tie_word_embeddings"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_llama = (config.get("architectures") == ["LlamaForCausalLM"] and config.get("model_type") == "llama"
             and config.get("hidden_act") == "silu" and set(rope) == {"rope_type", "rope_theta"}
             and rope["rope_type"] == "default")
    unsupported = ("rope_scaling", "attention_bias", "mlp_bias", "auto_map", "quantization_config")
    return shape if is_llama and not any(config.get(key) for key in unsupported) else None


class LlamaCheckpoint:
    """A checkpoint file in the form of the model that `PackedLlamaWeights` packs; layers are read one at a time."""

    def __init__(self, folder: Path, shape: LlamaShape, dtype: torch.dtype) -> None:
        self.file, self.config, self.dtype = folder / FILE, shape, dtype
        self._opened_state = _file_state(self.file)

    def as_model(self, merge: Merge = lambda name, weight: weight) -> Any:
        """A model-like object to pack, each weight passed through `merge`. Its layers are an iterator: pack it once.

        Raises:
            ModelLoadFailed: the file changed since the student was opened.
        """
        self.check()
        with self._open_file() as take:
            embedding = take("model.embed_tokens.weight", merge).clone()
            head = embedding if self.config.tie_word_embeddings else take("lm_head.weight", merge).clone()
            norm = take("model.norm.weight", merge).clone()
        inner = SimpleNamespace(layers=self._layers(merge), embed_tokens=_weight_only_layer(embedding),
                                norm=_weight_only_layer(norm),
                                rotary_emb=partial(rotary_cos_sin, self.config))
        return SimpleNamespace(config=self.config, dtype=self.dtype, model=inner, lm_head=_weight_only_layer(head))

    def check(self) -> None:
        """Check that the file is still the one that was opened, whose fingerprint is recorded.

        Raises:
            ModelLoadFailed: it has changed or is gone.
        """
        if _file_state(self.file) != self._opened_state:
            raise ModelLoadFailed(f"{self.file} was changed or removed while the student was in use: put the file "
                                  "back, or start a new run with the new one")

    def _layers(self, merge: Merge) -> Iterator[Any]:
        """Reopen the file for each layer: pages read through mmap count as this process's memory until it is closed."""
        for number in range(self.config.num_hidden_layers):
            with self._open_file() as take:
                def part(name: str, at: str = f"model.layers.{number}", take: Any = take) -> Any:
                    return _weight_only_layer(take(f"{at}.{name}.weight", merge))
                yield SimpleNamespace(
                    self_attn=SimpleNamespace(**{name: part(f"self_attn.{name}") for name in ATTENTION}),
                    mlp=SimpleNamespace(**{name: part(f"mlp.{name}") for name in MLP}),
                    **{name: _weight_only_layer(part(name).weight.clone())
                       for name in ("input_layernorm", "post_attention_layernorm")})

    @contextlib.contextmanager
    def _open_file(self) -> Iterator[Callable[[str, Merge], torch.Tensor]]:
        """Yield a function that reads one weight, converted to `dtype`; what it returns may keep the file mapped."""
        try:
            file: Any = safe_open(str(self.file), "pt")
        except (OSError, SafetensorError) as error:
            raise ModelLoadFailed(f"{self.file} cannot be read: {error}; check the file") from error
        with file:
            yield lambda name, merge: merge(name, file.get_tensor(name).to(self.dtype))


def rotary_cos_sin(shape: LlamaShape, like: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin of rotary positions, in the dtype of `like`. Shapes: positions 1 x T; results 1 x T x head size."""
    dims = torch.arange(0, shape.head_dim, 2, dtype=torch.int64).float()
    angles = positions[..., None].float() * (1.0 / (shape.rope_theta ** (dims / shape.head_dim)))
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _weight_only_layer(weight: torch.Tensor) -> Any:
    """A linear or norm layer, reduced to what packing reads."""
    return SimpleNamespace(weight=weight, bias=None)


def _file_state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
