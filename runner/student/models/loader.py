"""Load a student: a plain Llama on the CPU directly from its files, any other through transformers.

Both give the same token ids, answers and hashes, held by tests.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from runner.hardware import ModelDimensions
from runner.student.llama_cpu.tokenizer import open_tokenizer
from runner.student.llama_cpu.weights import LlamaCheckpoint, LlamaShape, shape_of
from runner.student.models.fingerprint import weights_fingerprint
from runner.student.models.loaded_model import Library, LoadedModel

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def load_model(source: str, precision: str, device: str) -> LoadedModel:
    """Load a student.

    Args:
        source: a local folder with safetensors, or a Hugging Face id (local cache first, then the hub).
        precision: fp32, bf16, fp16 or nf4 (4-bit with double quantization; works on the CPU too).
        device: `cpu` or `cuda`.

    Raises:
        ModelLoadFailed: the message names the offending value and what to do.
    """
    shape, dtype = _plain_shape(source), _DTYPES.get(precision)
    tokenizer = open_tokenizer(Path(source)) if shape and dtype and device == "cpu" else None
    if shape is None or dtype is None or tokenizer is None:
        from runner.student.models import hf_loader

        return hf_loader.load_model(source, precision, device)
    return LoadedModel(shape.parameters, precision, shape.max_position_embeddings, tokenizer,
                       partial(_library, source, precision), LlamaCheckpoint(Path(source), shape, dtype))


def size_of(source: str) -> ModelDimensions:
    """A student's dimensions; no weight is read.

    Raises:
        ModelLoadFailed: its config cannot be loaded.
    """
    if shape := _plain_shape(source):
        return ModelDimensions(shape.parameters, shape.num_hidden_layers, shape.hidden_size, shape.intermediate_size,
                               shape.vocab_size)
    from runner.student.models import hf_loader

    return hf_loader.size_of(source)


def student_fingerprint(source: str) -> str:
    """Fingerprint of the student's weights, as `weights_fingerprint`; empty if unknown.

    Raises:
        ModelLoadFailed: its config cannot be loaded.
    """
    if Path(source).is_dir():
        return weights_fingerprint(source, None)
    from runner.student.models import hf_loader

    return weights_fingerprint(source, hf_loader.config_of(source))


def _plain_shape(source: str) -> LlamaShape | None:
    return shape_of(Path(source)) if Path(source).is_dir() else None


def _library(source: str, precision: str) -> Library:
    from runner.student.models import hf_loader

    loaded = hf_loader.load_model(source, precision, "cpu")
    return loaded.model, loaded.hf_tokenizer
