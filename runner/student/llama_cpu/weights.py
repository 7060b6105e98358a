"""A plain Llama's folder, read without the library that wrote it: importing that takes longer than all the rest.

Plain is what this file can be sure of: one safetensors file with exactly the weights that the configuration speaks of,
no biases, rotary positions of the usual kind. Whatever else a folder holds is the library's to read, and to complain
of. Of training this knows nothing.
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
"""From a weight's name and the weight to what it becomes with an adapter in it."""
ATTENTION, MLP = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
FILE = "model.safetensors"


@dataclass(frozen=True)
class LlamaShape:
    """A Llama's dimensions, by the names that its configuration has for them."""

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
        whole: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocab_size, hidden), "model.norm.weight": (hidden,)}
        if not self.tie_word_embeddings:
            whole["lm_head.weight"] = (self.vocab_size, hidden)
        return whole | {f"model.layers.{number}.{name}.weight": shape for number in range(self.num_hidden_layers)
                        for name, shape in block.items()}

    @property
    def parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.weights().values())


def shape_of(folder: Path) -> LlamaShape | None:
    """The shape of the plain Llama in a folder; None where there is anything else."""
    shape = _read_config(folder)
    if shape is None or [path.name for path in folder.glob("*.safetensors")] != [FILE]:
        return None
    found = tensors_in(folder / FILE)
    plain = all(tensor.dtype in PLAIN_TYPES for tensor in found.values())
    return shape if plain and {name: tensor.shape for name, tensor in found.items()} == shape.weights() else None


def _read_config(folder: Path) -> LlamaShape | None:
    """The shape that a folder's configuration speaks of."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        rope = told.get("rope_parameters") or {"rope_type": "default", "rope_theta": told.get("rope_theta")}
        heads, hidden = int(told["num_attention_heads"]), int(told["hidden_size"])
        shape = LlamaShape(
            int(told["num_hidden_layers"]), hidden, int(told["intermediate_size"]), heads,
            int(told["num_key_value_heads"]), int(told.get("head_dim") or hidden // heads), int(told["vocab_size"]),
            int(told["max_position_embeddings"]), float(told["rms_norm_eps"]), float(rope["rope_theta"]),
            bool(told["tie_word_embeddings"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    usual = (told.get("architectures") == ["LlamaForCausalLM"] and told.get("model_type") == "llama"
             and told.get("hidden_act") == "silu" and set(rope) == {"rope_type", "rope_theta"}
             and rope["rope_type"] == "default")
    unusual = ("rope_scaling", "attention_bias", "mlp_bias", "auto_map", "quantization_config")
    return shape if usual and not any(told.get(key) for key in unusual) else None


class LlamaCheckpoint:
    """The weights as `PackedLlamaWeights` looks at a model's; a block is in memory only while it is looked at."""

    def __init__(self, folder: Path, shape: LlamaShape, dtype: torch.dtype) -> None:
        self.file, self.config, self.dtype = folder / FILE, shape, dtype
        self._state = _state(self.file)

    def with_weights(self, merge: Merge = lambda name, weight: weight) -> Any:
        """A model to pack, each weight as `merge` makes it.

        Raises:
            ModelLoadFailed: the file is not what it was when the student was opened.
        """
        self.check()
        with self._opened() as take:
            embedding = take("model.embed_tokens.weight", merge).clone()
            head = embedding if self.config.tie_word_embeddings else take("lm_head.weight", merge).clone()
            norm = take("model.norm.weight", merge).clone()
        inner = SimpleNamespace(layers=self._layers(merge), embed_tokens=_weight_only_layer(embedding),
                                norm=_weight_only_layer(norm),
                                rotary_emb=partial(angles, self.config))
        return SimpleNamespace(config=self.config, dtype=self.dtype, model=inner, lm_head=_weight_only_layer(head))

    def check(self) -> None:
        """See that the file is still the one that was opened, whose weights are on record.

        Raises:
            ModelLoadFailed: it is not.
        """
        if _state(self.file) != self._state:
            raise ModelLoadFailed(f"{self.file} was changed or removed while the student was in use: put the file "
                                  "back, or start a new run with the new one")

    def _layers(self, merge: Merge) -> Iterator[Any]:
        """Opened anew for each: what was read of the file counts as this process's memory until it is closed."""
        for number in range(self.config.num_hidden_layers):
            with self._opened() as take:
                def part(name: str, at: str = f"model.layers.{number}", take: Any = take) -> Any:
                    return _weight_only_layer(take(f"{at}.{name}.weight", merge))
                yield SimpleNamespace(
                    self_attn=SimpleNamespace(**{name: part(f"self_attn.{name}") for name in ATTENTION}),
                    mlp=SimpleNamespace(**{name: part(f"mlp.{name}") for name in MLP}),
                    **{name: _weight_only_layer(part(name).weight.clone())
                       for name in ("input_layernorm", "post_attention_layernorm")})

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Callable[[str, Merge], torch.Tensor]]:
        """The file while weights are taken from it; what was taken keeps it in memory."""
        try:
            file: Any = safe_open(str(self.file), "pt")
        except (OSError, SafetensorError) as error:
            raise ModelLoadFailed(f"{self.file} cannot be read: {error}; check the file") from error
        with file:
            yield lambda name, merge: merge(name, file.get_tensor(name).to(self.dtype))


def angles(shape: LlamaShape, like: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin of rotary positions, in the type of `like`. Shapes: positions 1 x T; results 1 x T x head size."""
    places = torch.arange(0, shape.head_dim, 2, dtype=torch.int64).float()
    turns = positions[..., None].float() * (1.0 / (shape.rope_theta ** (places / shape.head_dim)))
    both = torch.cat((turns, turns), dim=-1)
    return both.cos().to(like.dtype), both.sin().to(like.dtype)


def _weight_only_layer(weight: torch.Tensor) -> Any:
    """A layer, as far as it is looked at here."""
    return SimpleNamespace(weight=weight, bias=None)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
