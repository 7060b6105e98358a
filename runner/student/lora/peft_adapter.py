"""LoRA adapters: the one door to peft.

Resolves which layers are adapted, attaches, saves, and gives a tuned model to answer with. Knows nothing of
training itself.
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
from runner.student.lora.adapter_files import CONFIG, WEIGHTS, check_folder, merge_into, weights_sha256
from runner.student.lora.cpu_dropout import ByteDropout
from store.files import replace_durably


@dataclass(frozen=True)
class Targets:
    """What the asked-for layer names mean on one real model."""

    names: tuple[str, ...]
    """The layer names to adapt, in the model's own order."""
    counts: tuple[str, ...]
    """The same with how many layers each fits: `q_proj x 30`."""
    unmatched: tuple[str, ...]
    """Asked-for names that fit no layer."""


@dataclass(frozen=True)
class LoraLayerParts:
    """What one adapted layer is made of: W x + scale * up(down(dropout(x)))."""

    linear: Any
    down: torch.Tensor
    up: torch.Tensor
    scale: float
    dropout: Any


def resolve_targets(model: Any, asked: Iterable[str]) -> Targets:
    """Match asked-for names with the model's linear layers (its output layer aside).

    PEFT itself takes whatever fits and says nothing of the rest: of the seven Llama names only three exist in
    Phi-2, and its MLP would stay untrained. So where names fit nothing and no MLP layer was hit, the model's own
    linear layers are all taken, which is what the seven names mean on the architecture that has them.

    Raises:
        TrainingFailed: the model has no linear layer at all.
    """
    layers = _linear_layers(model)
    asked = tuple(dict.fromkeys(asked))
    counts = Counter(path.rpartition(".")[2] for path in layers)
    if not counts:
        raise TrainingFailed(f"{type(model).__name__} has no linear layers that LoRA could wrap: "
                             "choose another student")
    unmatched = tuple(name for name in asked if name not in counts)
    mlp = {path.rpartition(".")[2] for path in layers if "attn" not in path and "attention" not in path}
    take_all = bool(unmatched) and not mlp.intersection(asked)
    names = tuple(name for name in counts if take_all or name in asked)
    return Targets(names, tuple(f"{name} x {counts[name]}" for name in names), unmatched)


def _linear_layers(model: Any) -> list[str]:
    """Paths of linear layers inside the blocks, in the model's order. 4-bit layers are linear layers too."""
    head = model.get_output_embeddings()
    return [path for path, module in model.named_modules()
            if module is not head and (isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D")]


def add_adapter(base: Any, recipe: TrainingConfig, targets: Targets, start: Path | None) -> Any:
    """The base with a trainable adapter: a fresh one, or one that goes on from `start`.

    The adapter's weights are fp32 whatever the base is: steps of 2e-4 would drown in bf16's rounding.

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
    """The parts of a layer that `add_adapter` has adapted; None for one that it has not."""
    if not isinstance(layer, LoraLayer):
        return None
    name = next(iter(layer.lora_A))
    return LoraLayerParts(layer.base_layer, layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name],
                          layer.lora_dropout[name])


def dropout_of(adapted: Any) -> ByteDropout | None:
    """The dropout of the adapted layers, which is the same for all; None where nothing is dropped."""
    return next((module for module in adapted.modules() if isinstance(module, ByteDropout)), None)


def is_standard_lora(adapted: Any) -> bool:
    """Whether every adapted layer has one LoRA pair and nothing besides (an adapter from elsewhere may)."""
    return all(len(layer.lora_A) == 1 and not layer.lora_variant and not any(layer.lora_bias.values())
               for layer in adapted.modules() if isinstance(layer, LoraLayer))


def _speed_up_on_cpu(adapted: Any, dtype: torch.dtype) -> None:
    """Cheaper dropout, and no copy of each layer's input in fp32: a fifth of a step, measured on two cores.

    Under autocast, which a bf16 base trains in, the copy would be cast straight back to bf16.
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
    """The base as it was before `add_adapter`."""
    base = adapted.unload()
    for name in ("peft_config", "_hf_peft_config_loaded"):
        base.__dict__.pop(name, None)
    for weight in base.parameters():
        weight.requires_grad_(False)
    return base.eval()


def merged_copy(base: Any, adapter: Path) -> Any:
    """A copy of the base with the adapter merged into its weights: 2.5 times as fast to answer with.

    What no adapter changes (embeddings, norms) is shared with the base. Plain pairs are merged by `merge_into`, and by
    the library whatever else an adapter from elsewhere may hold.

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
                merge_into(one.linear.weight, one.down, one.up, one.scale)
    return remove_adapter(adapted)


def with_adapter(base: Any, adapter: Path) -> Any:
    """The base with the adapter attached but not merged, for a base that must not be copied or merged (4-bit).

    `remove_adapter` undoes it.

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
    """Save the adapter into `folder`, its weights last, and return their sha256.

    Whoever sees the weights file sees a whole adapter: files are written aside, synced, then renamed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / ".saving"
    shutil.rmtree(aside, ignore_errors=True)
    adapted.save_pretrained(str(aside), save_embedding_layers=False)
    for name in (CONFIG, WEIGHTS):
        replace_durably(aside / name, folder / name)
    shutil.rmtree(aside)
    return weights_sha256(folder)


def trainable_parameters(adapted: Any) -> int:
    return sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
