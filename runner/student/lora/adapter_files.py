"""A saved adapter as files: whether it is there, its hash, and what it does to weights. Knows nothing of peft."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from runner.student.errors import AdapterLoadFailed
from store.files import sha256_of_file

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PLAIN_SETTINGS = frozenset((
    "base_model_name_or_path", "bias", "inference_mode", "init_lora_weights", "lora_alpha", "lora_dropout",
    "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r", "revision", "target_modules", "task_type",
    "auto_mapping"))
"""Settings that may be set: of any other the library must say what it does."""
_ROWS = 256
_NAME = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")


def check_folder(folder: Path) -> None:
    """See that an adapter is there at all; peft would ask the hub for it otherwise.

    Raises:
        AdapterLoadFailed: a file is missing.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise AdapterLoadFailed(f"adapter {folder}: no {name} in it; train it again or start fresh")


def weights_sha256(folder: Path) -> str:
    """The sha256 of an adapter's weights."""
    return sha256_of_file(folder / WEIGHTS)


class LoraWeights:
    """One pair of matrices for each adapted layer: W becomes W + scale * up @ down."""

    def __init__(self, pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]], scale: float) -> None:
        self._pairs, self._scale = pairs, scale

    def merged(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """A weight with its change in it."""
        pair = self._pairs.get(name.removesuffix(".weight"))
        if pair is None:
            return weight
        changed = weight.clone()
        merge_into(changed, *pair, self._scale)
        return changed


def merge_into(weight: torch.Tensor, down: torch.Tensor, up: torch.Tensor, scale: float) -> None:
    """W += scale * up @ down, in place, as the library merges: in fp32, added in the weight's own type.

    Some rows at a time in the same memory: the change as a whole is twice as large as a bf16 weight, and on layers of
    Phi-2's size fresh memory for it took most of the time.
    """
    down, up = down.float(), up.float() * scale
    change = down.new_empty(min(_ROWS, len(weight)), weight.shape[1])
    for rows, some in zip(torch.split(weight, _ROWS), torch.split(up, _ROWS), strict=True):
        rows.add_(torch.mm(some, down, out=change[: len(rows)]))


def plain_adapter(folder: Path, weights: Mapping[str, tuple[int, ...]]) -> LoraWeights | None:
    """The adapter in a folder; None where it is more than pairs, is damaged, or is not for these weights.

    Args:
        folder: where it was saved.
        weights: the student's weights by name, with their shapes.
    """
    try:
        told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        pairs = _paired(load_file(folder / WEIGHTS))
        scale = float(told["lora_alpha"]) / int(told["r"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, SafetensorError):
        return None
    plain = told["peft_type"] == "LORA" and told.get("bias") == "none" and not _unusual(told)
    return LoraWeights(pairs, scale) if plain and pairs and all(
        weights.get(f"{name}.weight") == (len(up), down.shape[1]) and len(down) == up.shape[1] == int(told["r"])
        for name, (down, up) in pairs.items()) else None


def _unusual(told: dict[str, Any]) -> bool:
    return any(value for name, value in told.items() if name not in _PLAIN_SETTINGS)


def _paired(found: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """By layer its two matrices, down and up.

    Raises:
        KeyError: a matrix stands alone, or is none of the kind.
    """
    halves: dict[tuple[str, str], torch.Tensor] = {}
    for name, weight in found.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise KeyError(name)
        halves[match[1], match[2]] = weight.float()
    return {layer: (halves[layer, "A"], halves[layer, "B"]) for layer, _ in halves}
