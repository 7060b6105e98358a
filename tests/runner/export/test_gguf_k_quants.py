"""Q4_K and Q6_K as they are written here are read back by gguf and by transformers, close to the weights."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type
from gguf import quants
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.export.gguf_file import Q4_K_M
from runner.export.gguf_k_quants import quantized, type_in_q4_k_m
from tests.runner.export.test_gguf import TEXTS, fields_of, merged_folder, tensors_of, written

RANDOM = np.random.default_rng(0)
WEIGHTS = {"normal": RANDOM.normal(0, 0.05, (24, 512)), "heavy tails": RANDOM.standard_t(4, (24, 512)),
           "positive": RANDOM.random((24, 512)), "tiny": RANDOM.normal(0, 1e-6, (24, 512)),
           "one value": np.full((2, 256), 0.3), "nothing": np.zeros((2, 256)),
           "a group of zeros": np.where(np.arange(512) % 256 < 40, 0.0, RANDOM.normal(0, 1, (24, 512)))}


def error_of(weights: np.ndarray, kind: Type) -> float:
    """Root mean square of what is lost, as a share of the weights'."""
    stored = quantized(weights, kind) if kind in (Type.Q4_K, Type.Q6_K) else quants.quantize(weights, kind)
    assert stored.dtype == np.uint8 and stored.shape == gguf.quant_shape_to_byte_shape(weights.shape, kind)
    lost = quants.dequantize(stored, kind) - weights
    return float(np.sqrt((lost ** 2).mean() / max((weights ** 2).mean(), 1e-30)))


@pytest.mark.parametrize("name", WEIGHTS)
def test_less_is_lost_than_by_the_simple_types_of_about_as_many_bits(name: str) -> None:
    weights = WEIGHTS[name].astype(np.float32)
    if name == "tiny":  # their scales are below what f16 can hold
        assert np.isfinite(error_of(weights, Type.Q4_K)) and np.isfinite(error_of(weights, Type.Q6_K))
        return
    assert error_of(weights, Type.Q4_K) <= max(0.9 * error_of(weights, Type.Q4_0), 2e-3)
    assert error_of(weights, Type.Q6_K) <= max(0.6 * error_of(weights, Type.Q5_0), 2e-3)


@pytest.mark.parametrize(("name", "rows", "kind"), [
    ("blk.0.ffn_down.weight", (576, 1536), Type.Q6_K),  # the first eighth of the layers
    ("blk.3.ffn_down.weight", (576, 1536), Type.Q4_K),
    ("blk.5.ffn_down.weight", (576, 1536), Type.Q6_K),  # every third of the others
    ("blk.29.attn_v.weight", (192, 2048), Type.Q6_K),
    ("blk.3.attn_q.weight", (2048, 2048), Type.Q4_K),
    ("blk.3.attn_q.weight", (576, 576), Type.Q5_0),  # 576 is no multiple of 256
    ("blk.0.attn_v.weight", (192, 576), Type.Q8_0),
    ("token_embd.weight", (49152, 576), Type.Q8_0),  # tied: it is the output layer too
    ("blk.3.attn_q.weight", (8, 40), Type.F16),
])
def test_the_types_are_those_of_llama_cpps_q4_k_m(name: str, rows: tuple[int, ...], kind: Type) -> None:
    assert type_in_q4_k_m(name, rows, 30, tied=True) == kind


def test_an_embedding_that_is_no_output_layer_is_an_ordinary_tensor() -> None:
    assert type_in_q4_k_m("token_embd.weight", (51200, 2560), 32, tied=False) == Type.Q4_K
    assert type_in_q4_k_m("output.weight", (51200, 2560), 32, tied=False) == Type.Q6_K


def test_transformers_reads_the_file_as_nearly_the_same_model(tmp_path: Path) -> None:
    folder = merged_folder(tmp_path / "model", hidden=256)
    plain, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    file = written(folder, Q4_K_M)
    kinds = {name: kind for name, (_, kind) in tensors_of(file).items()}
    assert {kinds["token_embd.weight"], kinds["blk.1.attn_v.weight"]} == {"Q6_K"}
    assert kinds["blk.0.attn_q.weight"] == "Q4_K" and kinds["output_norm.weight"] == "F32"
    assert fields_of(file)["general.file_type"] == gguf.LlamaFileType.MOSTLY_Q4_K_M
    alone = tmp_path / "alone"
    alone.mkdir()
    file.rename(alone / file.name)
    read = AutoModelForCausalLM.from_pretrained(alone, gguf_file=file.name).state_dict()
    for name, expected in plain.state_dict().items():
        lost = (read[name].float() - expected).square().mean().sqrt() / expected.square().mean().sqrt()
        assert lost < 0.1, name
    assert AutoTokenizer.from_pretrained(alone, gguf_file=file.name)(TEXTS[1])["input_ids"] == \
        tokenizer(TEXTS[1])["input_ids"]
