"""Saved LoRA adapters as files: existence check, hash, and reading the matrices without peft."""

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
from runner.student.lora.merge_arithmetic import LoraWeights
from store.files import sha256_of_file

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_NEUTRAL_SETTINGS = frozenset((
    "base_model_name_or_path", "bias", "inference_mode", "init_lora_weights", "lora_alpha", "lora_dropout",
    "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r", "revision", "target_modules", "task_type",
    "auto_mapping"))
"""Settings that may be non-empty without changing how a standard LoRA adapter is merged; others are left to peft."""
_NAME = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")


def check_folder(folder: Path) -> None:
    """Check that the adapter's files exist; peft would look for missing ones on the hub.

    Raises:
        AdapterLoadFailed: a file is missing.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise AdapterLoadFailed(f"adapter {folder}: no {name} in it; train it again or start fresh")


def weights_sha256(folder: Path) -> str:
    """The sha256 of an adapter's weights file."""
    return sha256_of_file(folder / WEIGHTS)


def read_lora_weights(folder: Path, weights: Mapping[str, tuple[int, ...]]) -> LoraWeights | None:
    """The adapter in a folder; None if it is not standard LoRA, is damaged, or does not fit these weights.

    Args:
        folder: the adapter's folder.
        weights: shapes of the student's weights, by name.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        pairs = _paired(load_file(folder / WEIGHTS))
        scale = float(config["lora_alpha"]) / int(config["r"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, SafetensorError):
        return None
    standard = config["peft_type"] == "LORA" and config.get("bias") == "none" and not _has_other_settings(config)
    return LoraWeights(pairs, scale) if standard and pairs and all(
        weights.get(f"{name}.weight") == (len(b), a.shape[1]) and len(a) == b.shape[1] == int(config["r"])
        for name, (a, b) in pairs.items()) else None


def _has_other_settings(config: dict[str, Any]) -> bool:
    return any(value for name, value in config.items() if name not in _NEUTRAL_SETTINGS)


def _paired(found: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """(lora_A, lora_B) in fp32, by layer name.

    Raises:
        KeyError: a matrix lacks its partner, or a tensor is not a LoRA matrix.
    """
    halves: dict[tuple[str, str], torch.Tensor] = {}
    for name, weight in found.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise KeyError(name)
        halves[match[1], match[2]] = weight.float()
    return {layer: (halves[layer, "A"], halves[layer, "B"]) for layer, _ in halves}
