"""Write a merged model folder to a GGUF file, by the gguf package: Llama- and Phi-shaped models, f16 or quantized."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import quants
from safetensors import safe_open

from runner.export.errors import CannotExport
from runner.export.gguf_k_quants import quantized, type_in_q4_k_m
from runner.export.gguf_shapes import Shape, Weights, describe, shape_of, stored
from runner.export.gguf_tokenizer import add_tokenizer, generation_of

F16, Q8_0, Q4_0, Q4_K_M = "f16", "q8_0", "q4_0", "q4_k_m"
QUANTIZATIONS = {F16: gguf.LlamaFileType.MOSTLY_F16, Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0,
                 Q4_0: gguf.LlamaFileType.MOSTLY_Q4_0, Q4_K_M: gguf.LlamaFileType.MOSTLY_Q4_K_M}
_TYPES = {F16: gguf.GGMLQuantizationType.F16, Q8_0: gguf.GGMLQuantizationType.Q8_0,
          Q4_0: gguf.GGMLQuantizationType.Q4_0}


def write_gguf(folder: Path, to: Path, quantization: str, name: str, licence: str = "") -> None:
    """Write a merged model folder with its tokenizer to one file; one tensor at a time is in memory.

    Vectors (norms and biases) stay in fp32, and so do rows that no whole number of blocks of 32 fits, in f16.

    Args:
        quantization: one of `QUANTIZATIONS`.
        licence: the student's licence as an SPDX identifier; empty if it is not known.

    Raises:
        CannotExport: the model's architecture or tokenizer cannot be written.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = shape_of(config)
    writer = gguf.GGUFWriter(to, gguf.MODEL_ARCH_NAMES[shape.arch])
    try:
        _describe(writer, folder, shape, config, (quantization, name, licence))
        with ExitStack() as stack:
            files = [stack.enter_context(safe_open(file, framework="pt"))
                     for file in sorted(folder.glob("*.safetensors"))]
            tensors = list(_tensors(files, shape, config))
            for at, _, _, rows in tensors:
                _announce(writer, at, rows, tensor_type(quantization, at, rows, config))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for at, file, tensor, rows in tensors:
                weights = stored(shape, at, file.get_tensor(tensor).float().numpy(), config)
                writer.write_tensor_data(encoded(weights, tensor_type(quantization, at, rows, config)))
    finally:
        writer.close()


def _describe(writer: gguf.GGUFWriter, folder: Path, shape: Shape, config: Mapping[str, Any],
              named: tuple[str, str, str]) -> None:
    quantization, name, licence = named
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    if licence:
        writer.add_license(licence)
    describe(writer, shape, config)
    writer.add_file_type(QUANTIZATIONS[quantization])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    decoding = generation_of(folder)
    if penalty := decoding.get("repetition_penalty"):
        writer.add_sampling_penalty_repeat(float(penalty))
        # The whole text, as in the test. llama.cpp takes 64 tokens by default, and -1 switches the penalty off.
        writer.add_sampling_penalty_last_n(int(config["max_position_embeddings"]))
    writer.add_sampling_temp(float(decoding.get("temperature") or 0.0) if decoding.get("do_sample") else 0.0)
    add_tokenizer(writer, folder, config["vocab_size"])


def _tensors(files: list[Any], shape: Shape,
             config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str, tuple[int, ...]]]:
    """Yield each tensor's name in GGUF, its file, its name there and its shape."""
    names = gguf.get_tensor_name_map(shape.arch, config["num_hidden_layers"])
    for file in files:
        for tensor in sorted(file.keys()):
            found = names.get_name(tensor, try_suffixes=(".weight", ".bias"))
            if found is None:
                raise CannotExport(f"GGUF has no place for the tensor {tensor!r} of a {config['model_type']} model: "
                                   "export --form merged, and convert that")
            yield found, file, tensor, tuple(file.get_slice(tensor).get_shape())


def tensor_type(quantization: str, name: str, rows: tuple[int, ...],
                config: Mapping[str, Any]) -> gguf.GGMLQuantizationType:
    """The type in which a tensor of this name in GGUF and this shape is stored."""
    if len(rows) < 2:
        return gguf.GGMLQuantizationType.F32
    if quantization == Q4_K_M:
        return type_in_q4_k_m(name, rows, config["num_hidden_layers"], bool(config.get("tie_word_embeddings")))
    wanted = _TYPES[quantization]
    return wanted if rows[-1] % gguf.GGML_QUANT_SIZES[wanted][0] == 0 else _TYPES[F16]


def encoded(weights: Weights, kind: gguf.GGMLQuantizationType) -> Weights:
    """The bytes of a tensor, as an array.

    Raises:
        CannotExport: a weight does not fit into f16.
    """
    if kind == gguf.GGMLQuantizationType.F16 and np.abs(weights).max(initial=0.0) > np.finfo(np.float16).max:
        raise CannotExport("a weight is larger than f16 can hold: export --form merged")
    if kind in (gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q6_K):
        return quantized(weights, kind)
    return quants.quantize(np.ascontiguousarray(weights), kind)


def _announce(writer: gguf.GGUFWriter, name: str, rows: tuple[int, ...], kind: gguf.GGMLQuantizationType) -> None:
    plain = {gguf.GGMLQuantizationType.F32: np.float32, gguf.GGMLQuantizationType.F16: np.float16}.get(kind)
    if plain is not None:
        writer.add_tensor_info(name, rows, np.dtype(plain), int(np.prod(rows)) * np.dtype(plain).itemsize)
        return
    stored_rows = gguf.quant_shape_to_byte_shape(rows, kind)
    writer.add_tensor_info(name, stored_rows, np.dtype(np.uint8), int(np.prod(stored_rows)), kind)
