"""Opening a student: a plain Llama on the CPU straight from its files, any other through the library.

The way does not show in what comes of it: ids, answers and hashes are the same, held by tests.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from runner.hardware import Size
from runner.student.loaded import Library, Loaded
from runner.student.naming import weights_named
from runner.student.plain_llama import LlamaShape, PlainLlama, shape_of
from runner.student.plain_tokenizer import open_tokenizer

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def load_model(source: str, precision: str, device: str) -> Loaded:
    """Load a student.

    Args:
        source: a local folder with safetensors, or a Hugging Face id (local cache first, then the hub).
        precision: fp32, bf16, fp16 or nf4 (4-bit with double quantization; works on the CPU too).
        device: `cpu` or `cuda`.

    Raises:
        ModelLoadFailed: with the value at fault and the way out.
    """
    shape, dtype = _plain_shape(source), _DTYPES.get(precision)
    words = open_tokenizer(Path(source)) if shape and dtype and device == "cpu" else None
    if shape is None or dtype is None or words is None:
        from runner.student import loading

        return loading.load_model(source, precision, device)
    return Loaded(shape.parameters, precision, shape.max_position_embeddings, words,
                  partial(_library, source, precision), PlainLlama(Path(source), shape, dtype))


def size_of(source: str) -> Size:
    """A student's dimensions; no weight is read.

    Raises:
        ModelLoadFailed: its config cannot be had.
    """
    if shape := _plain_shape(source):
        return Size(shape.parameters, shape.num_hidden_layers, shape.hidden_size, shape.intermediate_size,
                    shape.vocab_size)
    from runner.student import loading

    return loading.size_of(source)


def name_of(source: str) -> str:
    """What tells this student's weights from another's; empty where nothing does.

    Raises:
        ModelLoadFailed: its config cannot be had.
    """
    if Path(source).is_dir():
        return weights_named(source, None)
    from runner.student import loading

    return weights_named(source, loading.config_of(source))


def _plain_shape(source: str) -> LlamaShape | None:
    return shape_of(Path(source)) if Path(source).is_dir() else None


def _library(source: str, precision: str) -> Library:
    from runner.student import loading

    loaded = loading.load_model(source, precision, "cpu")
    return loaded.model, loaded.tokenizer
