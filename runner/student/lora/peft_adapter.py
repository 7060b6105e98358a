"""LoRA adapters: resolve target layers, attach, remove, merge, save. The only module that imports peft.

Does not train.
"""

from __future__ import annotations

import copy
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError

from runner.protocols import TrainingConfig
from runner.student.errors import AdapterLoadFailed, TrainingFailed, in_short
from runner.student.lora.adapter_files import CONFIG, WEIGHTS, check_folder, weights_sha256
from runner.student.lora.cpu_dropout import ByteDropout
from runner.student.lora.merge_arithmetic import merge_into
from store.files import replace_durably


@dataclass(frozen=True)
class Targets:
    """The requested target layer names, resolved on one model."""

    names: tuple[str, ...]
    """Names of the layers to adapt, in the model's order."""
    counts: tuple[str, ...]
    """The same with the number of matching layers: `q_proj x 30`."""
    unmatched: tuple[str, ...]
    """Requested names that match no layer."""


@dataclass(frozen=True)
class LoraLayerParts:
    """One adapted layer: W x + scale * lora_B(lora_A(dropout(x)))."""

    linear: Any
    lora_a: torch.Tensor
    lora_b: torch.Tensor
    scale: float
    dropout: Any


def resolve_targets(model: Any, requested: Iterable[str]) -> Targets:
    """Match the requested names with the model's linear layers, except its output layer.

    PEFT silently ignores names without a match: of the seven Llama names only three exist in Phi-2, so its MLP would
    stay untrained. If some names match nothing and none matches an MLP layer, all linear layers are adapted, which is
    what the seven names mean on Llama.

    Raises:
        TrainingFailed: the model has no linear layer.
    """
    layers = _linear_layers(model)
    requested = tuple(dict.fromkeys(requested))
    counts = Counter(path.rpartition(".")[2] for path in layers)
    if not counts:
        raise TrainingFailed(f"{type(model).__name__} has no linear layers that LoRA could wrap: "
                             "choose another student")
    unmatched = tuple(name for name in requested if name not in counts)
    mlp = {path.rpartition(".")[2] for path in layers if "attn" not in path and "attention" not in path}
    take_all = bool(unmatched) and not mlp.intersection(requested)
    names = tuple(name for name in counts if take_all or name in requested)
    return Targets(names, tuple(f"{name} x {counts[name]}" for name in names), unmatched)


def _linear_layers(model: Any) -> list[str]:
    """Paths of the linear layers inside the blocks, in the model's order; includes 4-bit ones, which are subclasses."""
    head = model.get_output_embeddings()
    return [path for path, module in model.named_modules()
            if module is not head and (isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D")]


def add_adapter(base: Any, recipe: TrainingConfig, targets: Targets, start: Path | None) -> Any:
    """Add a trainable adapter to the base, in place: a new one, or a copy of the adapter in `start`.

    The adapter's weights are fp32 whatever the base's dtype: updates of 2e-4 would be lost in bf16 rounding.

    Raises:
        AdapterLoadFailed: `start` cannot be used.
    """
    torch.manual_seed(recipe.seed)
    if start is not None:
        adapted = _open(base, start, trainable=True)
    else:
        adapted = get_peft_model(base, LoraConfig(
            r=recipe.lora_rank, lora_alpha=recipe.lora_alpha, lora_dropout=recipe.lora_dropout, bias="none",
            task_type="CAUSAL_LM", target_modules=list(targets.names)))
    if base.device.type == "cpu":
        _speed_up_on_cpu(adapted, base.dtype)
    return adapted


def lora_layers(layer: Any) -> LoraLayerParts | None:
    """The parts of an adapted layer; None for a layer without an adapter."""
    if not isinstance(layer, LoraLayer):
        return None
    name = next(iter(layer.lora_A))
    return LoraLayerParts(layer.base_layer, layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name],
                          layer.lora_dropout[name])


def dropout_of(adapted: Any) -> ByteDropout | None:
    """The dropout module of the adapted layers (all have the same probability); None without dropout."""
    return next((module for module in adapted.modules() if isinstance(module, ByteDropout)), None)


def is_standard_lora(adapted: Any) -> bool:
    """Whether every adapted layer has exactly one plain LoRA pair: no variant such as DoRA, no LoRA bias."""
    return all(len(layer.lora_A) == 1 and not layer.lora_variant and not any(layer.lora_bias.values())
               for layer in adapted.modules() if isinstance(layer, LoraLayer))


def _speed_up_on_cpu(adapted: Any, dtype: torch.dtype) -> None:
    """Use cheaper dropout and skip the fp32 copy of each layer's input; saves a fifth of a step on two cores.

    A bf16 base trains under autocast, which would cast the copy straight back to bf16.
    """
    for layer in adapted.modules():
        if not isinstance(layer, LoraLayer):
            continue
        for name, dropout in layer.lora_dropout.items():
            if isinstance(dropout, torch.nn.Dropout):
                layer.lora_dropout[name] = ByteDropout(dropout.p)
        if dtype == torch.bfloat16:
            layer.cast_input_dtype_enabled = False


def remove_adapter(adapted: Any) -> Any:
    """Undo `add_adapter` or `with_adapter`; returns the base model, frozen and in evaluation mode."""
    base = adapted.unload()
    for name in ("peft_config", "_hf_peft_config_loaded"):
        base.__dict__.pop(name, None)
    for weight in base.parameters():
        weight.requires_grad_(False)
    return base.eval()


def merged_copy(base: Any, adapter: Path) -> Any:
    """A copy of the base with the adapter merged into its weights, which generates 2.5 times as fast.

    Weights that no adapter changes (embeddings, norms) are shared with the base. Standard LoRA is merged by
    `merge_into`, anything else by peft.

    Raises:
        AdapterLoadFailed: the adapter cannot be used with this base.
    """
    changed = {f"{path}.weight" for path in _linear_layers(base)}
    shared = {id(weight): weight for name, weight in base.named_parameters() if name not in changed}
    adapted = _open(copy.deepcopy(base, shared), adapter, trainable=False)
    if not is_standard_lora(adapted):
        return adapted.merge_and_unload().eval()
    with torch.no_grad():
        for layer in adapted.modules():
            if (one := lora_layers(layer)) is not None:
                merge_into(one.linear.weight, one.lora_a, one.lora_b, one.scale)
    return remove_adapter(adapted)


def with_adapter(base: Any, adapter: Path) -> Any:
    """The base with the adapter attached but not merged, for a base that cannot be copied or merged (4-bit).

    `remove_adapter` undoes this.

    Raises:
        AdapterLoadFailed: the adapter cannot be used with this base.
    """
    return _open(base, adapter, trainable=False).eval()


def _open(base: Any, folder: Path, *, trainable: bool) -> Any:
    check_folder(folder)
    try:
        return PeftModel.from_pretrained(base, str(folder), is_trainable=trainable)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise AdapterLoadFailed(f"adapter {folder} does not fit this student or is damaged: {in_short(error)}; "
                                "train it again or start fresh") from error


def save(adapted: Any, folder: Path) -> str:
    """Save the adapter to `folder` atomically and return the sha256 of its weights.

    Files are written to a temporary folder, synced, then renamed, the weights last: once the weights file exists, the
    adapter is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".saving"
    shutil.rmtree(temporary, ignore_errors=True)
    adapted.save_pretrained(str(temporary), save_embedding_layers=False)
    for name in (CONFIG, WEIGHTS):
        replace_durably(temporary / name, folder / name)
    shutil.rmtree(temporary)
    return weights_sha256(folder)


def trainable_parameters(adapted: Any) -> int:
    return sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
