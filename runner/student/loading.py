"""Where models come from: the one door to transformers.

Knows the three sources (unpacked folder, Hugging Face id, GGUF file) and the four ways of holding weights.
Weights are read from safetensors only and no code that comes with a model is ever run. Does not know what
the model is used for.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GgufConfig,
    PrinterCallback,
    TrainerCallback,
)
from transformers.utils import logging as transformers_logging

from runner.student.errors import ModelLoadFailed

__all__ = ["Loaded", "PrinterCallback", "TrainerCallback", "count_parameters", "dequantize_gguf", "load_encoder",
           "load_model"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_REACH_SECONDS = 3.0
_UNREADABLE = (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError)

transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()


@dataclass(frozen=True)
class Loaded:
    """A causal language model in evaluation mode, all weights frozen, and its tokenizer."""

    model: Any
    tokenizer: Any
    parameters: int
    precision: str


def load_model(source: str, precision: str, device: str) -> Loaded:
    """Load a student.

    Args:
        source: a local folder with safetensors, or a Hugging Face id (local cache first, then the hub).
        precision: fp32, bf16, fp16 or nf4 (4-bit with double quantization; works on the CPU too).
        device: `cpu` or `cuda`.

    Raises:
        ModelLoadFailed: with the value at fault and the way out.
    """
    _check_folder(source)
    kind: dict[str, Any] = {"dtype": DTYPES.get(precision) or _compute_dtype(device)}
    if device == "cpu":
        kind["attn_implementation"] = "eager"  # short texts: torch's CPU flash attention takes 1.3 times as long
    if precision == "nf4":
        kind["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=_compute_dtype(device))
    tokenizer = _from_source(source, lambda **where: AutoTokenizer.from_pretrained(
        source, trust_remote_code=False, **where))
    model = _from_source(source, lambda **where: AutoModelForCausalLM.from_pretrained(
        source, trust_remote_code=False, use_safetensors=True, device_map={"": device}, **kind, **where))
    _stay_trainable(model)
    return Loaded(_freeze(model), _with_padding(tokenizer), _parameter_count(source, model), precision)


def count_parameters(source: str) -> int:
    """How many parameters a student has, from its config alone: no weight is read.

    Raises:
        ModelLoadFailed: the config cannot be had.
    """
    _check_folder(source)
    config = _from_source(source, lambda **where: AutoConfig.from_pretrained(source, trust_remote_code=False, **where))
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return sum(weight.numel() for weight in skeleton.parameters())


def load_encoder(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model of a sentence encoder in a local folder, in fp32.

    Raises:
        ModelLoadFailed: the folder holds no such model.
    """
    _check_folder(str(folder))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False,
                                          use_safetensors=True, dtype=torch.float32)
    except _UNREADABLE as error:
        raise ModelLoadFailed(f"encoder {folder} cannot be loaded: {error}") from error
    return tokenizer, _freeze(model)


def dequantize_gguf(source: Path, folder: Path) -> None:
    """Write a GGUF file as a plain safetensors folder, in bf16: its blocks hold no more than that."""
    where = {"gguf_file": source.name, "local_files_only": True}
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar knows no switch; errors are raised, not told
        model = AutoModelForCausalLM.from_pretrained(
            str(source.parent), quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16, **where)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(str(source.parent), **where).save_pretrained(folder)


def _freeze(model: Any) -> Any:
    for weight in model.parameters():
        weight.requires_grad_(False)
    return model.eval()


def _stay_trainable(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for AVX512-bf16 at the first answer.

    The packed form answers faster, but it is lossy, does not come back, and fails in training: the student would
    break by being asked before it is taught.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _with_padding(tokenizer: Any) -> Any:
    """A tokenizer without a pad token pads with its end token; masks, never token ids, say what is padding."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _parameter_count(source: str, model: Any) -> int:
    """Packed 4-bit weights count two to a byte, so the config is asked instead of the tensors."""
    if getattr(model, "is_loaded_in_4bit", False):
        return count_parameters(source)
    return sum(weight.numel() for weight in model.parameters())


def _compute_dtype(device: str) -> torch.dtype:
    """bf16 wherever it exists: fp16 attention can overflow (Phi-2's model card)."""
    if device != "cpu" and not torch.cuda.is_bf16_supported():
        return torch.float16
    return torch.bfloat16


def _check_folder(source: str) -> None:
    """A source that is a path must be a model folder of the kind that can be read safely."""
    folder = Path(source)
    if not folder.is_dir():
        if source.startswith((".", "/", "~")) or source.count("/") > 1:
            raise ModelLoadFailed(f"student {source!r}: no such folder; give a model folder that exists, "
                                  "a Hugging Face id such as microsoft/phi-2, or 'embedded'")
        return
    if not (folder / "config.json").is_file():
        raise ModelLoadFailed(f"student {source!r}: no config.json in it, so it is not a model folder; give the "
                              "folder that save_pretrained wrote")
    if not any(folder.glob("*.safetensors")):
        pickled = [path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)]
        found = f"only pickled weights ({', '.join(sorted(pickled))}), which can run code when read"
        raise ModelLoadFailed(f"student {source!r}: {found if pickled else 'no weights in it'}; save the model as "
                              "safetensors: model.save_pretrained(folder)")


def _from_source(source: str, load: Callable[..., Any]) -> Any:
    """Load from a folder or the local cache; ask the hub only where the cache does not have it."""
    try:
        return load(local_files_only=True)
    except _UNREADABLE as error:
        if Path(source).is_dir() or isinstance(error, ImportError):
            raise ModelLoadFailed(f"student {source!r} cannot be loaded: {_first_line(error)}; check the files, or "
                                  "choose another student or precision") from error
    _check_hub(source)
    try:
        return load()
    except _UNREADABLE as error:
        raise ModelLoadFailed(f"student {source!r} cannot be loaded from the hub: {_first_line(error)}; check the "
                              "name (and HF_TOKEN for a gated model), or use 'embedded'") from error


def _check_hub(source: str) -> None:
    """Fail at once where the hub is out of reach: the library itself would retry for minutes."""
    way_out = ("choose 'embedded' or a local model folder, or download it where there is a network "
               f"(hf download {source}) and bring the cache along (HF_HOME)")
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise ModelLoadFailed(f"student {source!r} is not in the local cache and HF_HUB_OFFLINE is set: {way_out}")
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    address = urlsplit(proxy or endpoint)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=_REACH_SECONDS).close()
    except OSError as error:
        raise ModelLoadFailed(f"student {source!r} is not in the local cache and {endpoint} cannot be reached "
                              f"({error}): {way_out}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
