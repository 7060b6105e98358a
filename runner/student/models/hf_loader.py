"""Load models and tokenizers with transformers. The only module that imports it.

Sources are a local folder, a Hugging Face id or a GGUF file; precisions are fp32, bf16, fp16 and nf4. Weights are read
from safetensors only, and code that comes with a model is never run.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors import SafetensorError
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    GgufConfig,
)
from transformers import __version__ as transformers_version
from transformers.utils import logging as transformers_logging

from runner.hardware import ModelDimensions, freeze_gc, mmap_large_allocations
from runner.student.errors import ModelLoadFailed, ModelUnusable, in_short
from runner.student.models.hub import check_reachable, setting_errors
from runner.student.models.loaded_model import LoadedModel
from runner.student.safetensors_header import PLAIN_TYPES, tensors_in

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
UNREADABLE: tuple[type[Exception], ...] = (
    OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError, struct.error, *setting_errors())
"""What transformers raises where files cannot be read as a model."""
_ONE_UNPACKS = threading.Lock()

transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()
freeze_gc()


def load_model(source: str, precision: str, device: str) -> LoadedModel:
    """As `loader.load_model`, always through transformers."""
    _check_folder(source)
    options: dict[str, Any] = {"dtype": DTYPES.get(precision) or _compute_dtype(device)}
    if device == "cpu":
        options["attn_implementation"] = "eager"  # short texts: torch's CPU flash attention takes 1.3 times as long
    if precision == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=_compute_dtype(device))
    tokenizer = _from_source(source, lambda **where: AutoTokenizer.from_pretrained(
        source, trust_remote_code=False, **where))
    quantizes_on_cpu = precision == "nf4" and device == "cpu"
    with mmap_large_allocations() if quantizes_on_cpu else contextlib.nullcontext():
        model, loading_info = _from_source(source, lambda **where: AutoModelForCausalLM.from_pretrained(
            source, trust_remote_code=False, use_safetensors=True, device_map={"": device}, output_loading_info=True,
            **options, **where))
    _check_no_missing_weights(source, loading_info["missing_keys"])
    if quantizes_on_cpu:
        _detach_from_mmap(model)
    _disable_bnb_repacking(model)
    library = _freeze(model), _with_padding(tokenizer)
    context = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    return LoadedModel(_parameter_count(source, model), precision, context, tokenizer, lambda: library)


def trainer_callbacks() -> tuple[Any, Any]:
    """transformers' TrainerCallback and PrinterCallback, imported late: slow to import, needed only in training."""
    from transformers import PrinterCallback, TrainerCallback

    return TrainerCallback, PrinterCallback


def config_of(source: str) -> Any:
    """A student's transformers configuration.

    Raises:
        ModelLoadFailed: it cannot be loaded.
    """
    _check_folder(source)
    return _from_source(source, lambda **where: AutoConfig.from_pretrained(source, trust_remote_code=False, **where))


def count_parameters(source: str) -> int:
    """A student's number of parameters, from the headers of its files or else from its config; reads no weights.

    Raises:
        ModelLoadFailed: its config cannot be loaded.
    """
    _check_folder(source)
    return _count_in_headers(Path(source)) or _count_by_config(source)


def _count_in_headers(folder: Path) -> int:
    """0 if there are no unquantized weights; the headers of quantized ones give sizes of packed bytes."""
    files = [tensors_in(path) for path in folder.glob("*.safetensors")]
    if not all(files) or any(tensor.dtype not in PLAIN_TYPES for file in files for tensor in file.values()):
        return 0
    return sum(math.prod(tensor.shape) for file in files for tensor in file.values())


def _count_by_config(source: str) -> int:
    config = config_of(source)
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return sum(weight.numel() for weight in skeleton.parameters())


def size_of(source: str) -> ModelDimensions:
    """A student's dimensions; no weight is read.

    Raises:
        ModelLoadFailed: its config cannot be loaded.
    """
    config = config_of(source)
    hidden = int(getattr(config, "hidden_size", 0) or 1)
    return ModelDimensions(count_parameters(source), int(getattr(config, "num_hidden_layers", 0) or 1), hidden,
                           int(getattr(config, "intermediate_size", 0) or 4 * hidden), int(config.vocab_size),
                           3 if config.model_type == "llama" else 2)


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
    except UNREADABLE as error:
        raise ModelLoadFailed(f"encoder {folder} cannot be loaded: {error}") from error
    return tokenizer, _freeze(model)


def dequantize_gguf(source: Path, folder: Path) -> None:
    """Convert a GGUF file to a safetensors folder in bf16, which loses nothing of its quantized blocks."""
    where = {"gguf_file": source.name, "local_files_only": True}
    # Its progress bar has no switch; errors are raised, not printed.
    with contextlib.redirect_stderr(io.StringIO()), _gguf_parsed_once():
        model = AutoModelForCausalLM.from_pretrained(
            str(source.parent), quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16, **where)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(str(source.parent), **where).save_pretrained(folder)


@contextlib.contextmanager
def _gguf_parsed_once() -> Iterator[None]:
    """Let transformers parse a GGUF file once instead of thrice, and map its tensors' names once, not once a module.

    The embedded student is unpacked in 7 s instead of 15. transformers looks both functions up at each call.
    """
    with _ONE_UNPACKS:
        originals = gguf.GGUFReader, gguf.get_tensor_name_map
        gguf.GGUFReader, gguf.get_tensor_name_map = (functools.lru_cache(maxsize=1)(each) for each in originals)
        try:
            yield
        finally:
            gguf.GGUFReader, gguf.get_tensor_name_map = originals


def _freeze(model: Any) -> Any:
    for weight in model.parameters():
        weight.requires_grad_(False)
    return model.eval()


def _detach_from_mmap(model: Any) -> None:
    """Copy unquantized weights (embeddings, norms); otherwise the mmap keeps the whole file resident."""
    for weight in model.parameters():
        if weight.dtype.is_floating_point:
            weight.data = weight.data.clone()


def _disable_bnb_repacking(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for AVX512-bf16 at the first answer.

    The repacked weights answer faster, but repacking is lossy and irreversible and breaks training: a student that
    answers before it is fine-tuned would fail.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _with_padding(tokenizer: Any) -> Any:
    """Use the end token as pad token if there is none; padding is always marked by masks, never by token ids."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _parameter_count(source: str, model: Any) -> int:
    """The number of parameters; for 4-bit weights from the config, because their tensors hold two weights a byte."""
    if getattr(model, "is_loaded_in_4bit", False):
        return size_of(source).parameters
    return sum(weight.numel() for weight in model.parameters())


def _compute_dtype(device: str) -> torch.dtype:
    """bf16 if supported, else fp16, in which attention can overflow (Phi-2's model card)."""
    if device != "cpu" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def _check_folder(source: str) -> None:
    """Raise ModelUnusable if a source that is a path is not a model folder that can be read safely."""
    folder = Path(source)
    if not folder.is_dir():
        if source.startswith((".", "/", "~")) or source.count("/") > 1:
            raise ModelUnusable(f"student {source!r}: no such folder; give a model folder that exists, "
                                "a Hugging Face id such as microsoft/phi-2, or 'embedded'")
        return
    if not (folder / "config.json").is_file():
        raise ModelUnusable(f"student {source!r}: no config.json in it, so it is not a model folder; give the "
                            "folder that save_pretrained wrote")
    if code := _custom_code(folder):
        raise ModelUnusable(f"student {source!r}: needs custom code ({code}), and code that comes with a model "
                            "is never run; give a model of an architecture that transformers knows")
    if not any(folder.glob("*.safetensors")):
        pickled = [path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)]
        found = f"only pickled weights ({', '.join(sorted(pickled))}), which can run code when read"
        raise ModelUnusable(f"student {source!r}: {found if pickled else 'no weights in it'}; save the model as "
                            "safetensors: model.save_pretrained(folder)")


def _check_no_missing_weights(source: str, missing: set[str]) -> None:
    """Raise ModelUnusable for weights missing in the files; transformers would initialize them at random."""
    if missing:
        raise ModelUnusable(f"student {source!r}: its files lack {len(missing)} of its weights, {min(missing)} among "
                            "them; fetch or save the model again, whole")


def _custom_code(folder: Path) -> str:
    """The code that a model folder asks to run (`auto_map`) for an architecture unknown to transformers; else empty."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    known = config.get("model_type") in CONFIG_MAPPING
    return "" if known else ", ".join(sorted(map(str, (config.get("auto_map") or {}).values())))


def _from_source(source: str, load: Callable[..., Any]) -> Any:
    """Load from a folder or the local cache; contact the hub only if the cache lacks the model."""
    try:
        return load(local_files_only=True)
    except UNREADABLE as error:
        if Path(source).is_dir() or isinstance(error, ImportError):
            raise ModelLoadFailed(f"student {source!r} cannot be loaded: {in_short(error)}; check the files, or "
                                  "choose another student or precision") from error
    check_reachable(source)
    try:
        return load()
    except UNREADABLE as error:
        raise ModelLoadFailed(f"student {source!r} cannot be loaded from the hub: {in_short(error)}; check the "
                              "name (and HF_TOKEN for a gated model), or use 'embedded'") from error


def open_exported(folder: Path, gguf_file: str | None = None) -> tuple[Any, Any, str]:
    """Return an exported folder's tokenizer and model as transformers loads them by default, and its version.

    Args:
        gguf_file: the name of the GGUF file in it that is read instead of safetensors; its weights are dequantized.
    """
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if gguf_file is None:
        return (AutoTokenizer.from_pretrained(folder, **where),
                AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, **where), transformers_version)
    # Its progress bar has no switch; errors are raised, not printed.
    with contextlib.redirect_stderr(io.StringIO()), _gguf_parsed_once():
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf_file, dtype=torch.float32, **where)
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf_file, **where)
    if (folder / "generation_config.json").is_file():  # which is not looked for beside a GGUF file
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return tokenizer, model, transformers_version


def open_tokenizer_and_config(source: str) -> tuple[Any, Any]:
    """Return a model's tokenizer and configuration without loading its weights."""
    return (AutoTokenizer.from_pretrained(source, trust_remote_code=False),
            AutoConfig.from_pretrained(source, trust_remote_code=False))


def open_without_weights(folder: Path) -> tuple[Any, Any, Any]:
    """Return an exported folder's tokenizer, model configuration and generation configuration."""
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    return (AutoTokenizer.from_pretrained(folder, **where), AutoConfig.from_pretrained(folder, **where),
            GenerationConfig.from_pretrained(folder, local_files_only=True))
