"""A GGUF file written here holds the merged model: weights, tokenizer, template; transformers and gguf read it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.export.checksums import hashes_of
from runner.export.errors import CannotExport
from runner.export.gguf_file import F16, Q4_0, Q8_0, QUANTIZATIONS, write_gguf
from runner.export.gguf_tokenizer import LLAMA_3
from runner.export.modelfile import modelfile
from runner.export.student_export import Gguf, export
from runner.protocols import GenerationConfig
from runner.student.models.bundled import _gguf_file, embedded_student_folder
from runner.student.prompt_template import PromptTemplate, exported_chat_template, prompt_ids, prompt_template_for
from tests.runner.tiny_models import llama_folder, phi_folder
from tests.runner.tiny_runs import carried_out, launched

TEXTS = ("What does a Service do?", "  In 2023,\n\tnaïve café 漢字 🙂", "<|im_start|>user", "it's they'll 12345")
READ_WITHIN = {F16: 1e-3, Q8_0: 0.02, Q4_0: 0.2}
SHAPES = {"llama": llama_folder, "phi": phi_folder}
SIMPLE = [one for one in QUANTIZATIONS if one in READ_WITHIN]
"""Quantizations with one type for all tensors."""


def merged_folder(folder: Path, shape: str = "llama", **values: Any) -> Path:
    """A model folder as `write_merged` leaves it."""
    SHAPES[shape](folder, **values)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    template = prompt_template_for(tokenizer)
    tokenizer.chat_template = exported_chat_template(tokenizer, template)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps(
        {"eos_token_id": list(template.stop_ids), "repetition_penalty": 1.1, "do_sample": False}))
    return folder


def written(folder: Path, quantization: str) -> Path:
    write_gguf(folder, folder / "model.gguf", quantization, "made for a test", "apache-2.0")
    return folder / "model.gguf"


def tensors_of(file: Path) -> dict[str, tuple[np.ndarray, str]]:
    """Name -> dequantized values and type."""
    return {tensor.name: (gguf.dequantize(tensor.data, tensor.tensor_type), tensor.tensor_type.name)
            for tensor in gguf.GGUFReader(str(file)).tensors}


def fields_of(file: Path) -> dict[str, Any]:
    return {name: field.contents() for name, field in gguf.GGUFReader(str(file)).fields.items()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quantization", SIMPLE)
def test_every_weight_is_there_exactly_in_f16_and_within_a_step_of_its_block_where_it_is_quantized(
        tmp_path: Path, shape: str, quantization: str) -> None:
    folder = merged_folder(tmp_path / "model", shape, hidden=64)
    weights = {name: tensor.float().numpy() for name, tensor in load_file(folder / "model.safetensors").items()}
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, {"llama": "LLAMA", "phi": "PHI2"}[shape]), 2)
    found = tensors_of(written(folder, quantization))
    assert len(found) == len(weights)
    for name, expected in weights.items():
        at = str(names.get_name(name, (".weight", ".bias")))
        if shape == "llama" and (".attn_q." in at or ".attn_k." in at):
            heads = 4 if ".attn_q." in at else 2
            width = len(expected) // heads  # neighbours are what a rotation turns: (0, half), (1, half + 1), ...
            order = [head * width + half * width // 2 + at for head in range(heads) for at in range(width // 2)
                     for half in (0, 1)]
            expected = expected[order]
        values, kind = found[at]
        if expected.ndim == 1:
            assert kind == "F32" and np.array_equal(values, expected)
        elif quantization == F16:
            assert kind == "F16" and np.array_equal(values, expected.astype(np.float16))
        else:
            assert kind == quantization.upper()
            blocks = expected.reshape(-1, 32)
            steps, error = {Q8_0: (127, 0.5), Q4_0: (8, 1.0)}[quantization]  # Q4_0 has 8 steps down, and 7 up
            step = np.abs(blocks).max(axis=1, keepdims=True) / steps
            # The step itself is stored in f16: 11 bits.
            assert (np.abs(values.reshape(-1, 32) - blocks) <= step * error + np.abs(blocks) * 2**-10 + 1e-7).all()


@pytest.mark.parametrize("quantization", SIMPLE)
def test_transformers_reads_the_llama_shaped_file_as_the_same_model_and_tokenizer(
        tmp_path: Path, quantization: str) -> None:
    folder = merged_folder(tmp_path / "model", hidden=64)
    plain, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    file = written(folder, quantization)
    alone = tmp_path / "alone"
    alone.mkdir()
    file.rename(alone / file.name)
    read = AutoModelForCausalLM.from_pretrained(alone, gguf_file=file.name).state_dict()
    for name, expected in plain.state_dict().items():
        assert np.allclose(read[name].float().numpy(), expected.numpy(), atol=READ_WITHIN[quantization])
    again = AutoTokenizer.from_pretrained(alone, gguf_file=file.name)
    template = prompt_template_for(tokenizer)
    for text in TEXTS:
        assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
        asked = [{"role": "user", "content": text}]
        assert again.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"] == \
            tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert again.apply_chat_template([{"role": "user", "content": TEXTS[0]}], add_generation_prompt=True,
                                     return_dict=True)["input_ids"] == prompt_ids(tokenizer, template, TEXTS[0])
    assert again.eos_token_id == template.end_id


def test_phi_has_what_llama_cpp_asks_for_and_tokens_for_all_rows(tmp_path: Path) -> None:
    fields = fields_of(written(merged_folder(tmp_path / "model", "phi"), F16))
    assert fields["general.architecture"] == "phi2" and fields["phi2.rope.dimension_count"] == 8
    assert fields["phi2.attention.layer_norm_epsilon"] == pytest.approx(1e-5)
    assert fields["tokenizer.ggml.tokens"][-1].startswith("[PAD")
    assert fields["tokenizer.ggml.token_type"][-1] == gguf.TokenType.UNUSED
    assert len(fields["tokenizer.ggml.tokens"]) == fields["phi2.vocab_size"]


@pytest.mark.slow
def test_the_embedded_students_file_has_the_names_shapes_and_metadata_of_its_publishers(tmp_path: Path) -> None:
    folder = embedded_student_folder(tmp_path / "models")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    template = prompt_template_for(tokenizer)
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(config | {"eos_token_id": list(template.stop_ids)}))
    ours, theirs = written(folder, Q8_0), _gguf_file()
    original, again = tensors_of(theirs), tensors_of(ours)
    assert again.keys() == original.keys()
    for name, (values, kind) in original.items():
        assert again[name][0].shape == values.shape
        step = np.abs(values).max() / 127
        assert np.abs(again[name][0] - values).max() <= (0 if kind == "F32" else step), name
    fields, published = fields_of(ours), fields_of(theirs)
    other = {"GGUF.kv_count", "general.name", "general.organization", "general.finetune", "general.basename",
             "general.size_label", "general.languages", "general.file_type", "tokenizer.chat_template",
             "tokenizer.ggml.pre", "tokenizer.ggml.add_eos_token"}
    for name in published.keys() - other:
        assert fields[name] == published[name], name
    # Read by transformers it splits no digits, as in training and test; llama.cpp is told so.
    assert (fields["tokenizer.ggml.pre"], published["tokenizer.ggml.pre"]) == ("gpt-2", "smollm")


def test_an_export_has_the_file_its_modelfile_and_their_hashes(tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, llama_folder(tmp_path / "tiny", context=512), questions=2, held_out=2,
                                 steps=1)
    carried_out(store, run, paths)
    done = export(store, paths, run, 1, tmp_path / "out", "gguf", Gguf(Q8_0))
    assert {path.name for path in done.folder.iterdir()} == {
        "model.gguf", "Modelfile", "generation_config.json", "README.md", "SHA256SUMS"}
    card = (done.folder / "README.md").read_text()
    assert "with weights in Q8_0" in done.precision and hashes_of(done.folder)["model.gguf"] in card
    assert "whose provider's terms apply" in card or "whose own terms apply" in card
    said = (done.folder / "Modelfile").read_text()
    assert "<|im_start|>user\n{{ if .System }}" in said and "PARAMETER repeat_last_n 512\n" in said
    assert fields_of(done.folder / "model.gguf")["general.sampling.penalty_last_n"] == 512
    store.close()


def test_the_modelfile_states_template_decoding_and_ends() -> None:
    text = modelfile("model.gguf", PromptTemplate("Instruct: ", "\nOutput:", " ", 0, (0,), ("\nInstruct:",)),
                     ["<|endoftext|>"], GenerationConfig(96, 0.0, 0.95, 50, 1.1, 60), "It is free.", 131072)
    assert 'TEMPLATE """Instruct: {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }}\nOutput:' in text
    for line in ("FROM ./model.gguf", "PARAMETER temperature 0", "PARAMETER repeat_penalty 1.1",
                 "PARAMETER repeat_last_n 131072", "PARAMETER num_predict 96", 'PARAMETER stop "<|endoftext|>"',
                 'PARAMETER stop "\\nInstruct:"'):
        assert f"{line}\n" in text
    assert "top_p" not in text


def edited(folder: Path, name: str, change: Any) -> None:
    file = folder / name
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(("name", "change", "said"), [
    ("config.json", lambda c: c.update(model_type="gemma"), "kind 'gemma' cannot be written to GGUF here"),
    ("config.json", lambda c: c["rope_parameters"].update(rope_type="llama3"), "scaled by 'llama3'"),
    ("tokenizer.json", lambda c: c["model"].update(type="Unigram"), "Unigram, not byte-level BPE"),
    ("tokenizer.json", lambda c: c.update(pre_tokenizer={"type": "Whitespace"}), "splits texts by"),
])
def test_what_cannot_be_written_is_refused_with_the_way_out(tmp_path: Path, name: str, change: Any,
                                                            said: str) -> None:
    folder = merged_folder(tmp_path / "model")
    edited(folder, name, change)
    with pytest.raises(CannotExport, match=f"{said}.*--converter"):
        written(folder, F16)


@pytest.mark.parametrize(("steps", "pre"), [
    ([{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False}], "smollm"),
    ([{"type": "Split", "pattern": {"Regex": LLAMA_3}, "behavior": "Isolated", "invert": False},
      {"type": "ByteLevel", "add_prefix_space": False}], "llama-bpe"),
])
def test_the_ways_of_splitting_that_llama_cpp_knows_are_named(tmp_path: Path, steps: list[Any], pre: str) -> None:
    folder = merged_folder(tmp_path / "model")
    full = [dict(step) | ({"trim_offsets": True, "use_regex": False} if step["type"] == "ByteLevel" else {})
            for step in steps]
    edited(folder, "tokenizer.json", lambda c: c.update(pre_tokenizer={"type": "Sequence", "pretokenizers": full}))
    assert fields_of(written(folder, F16))["tokenizer.ggml.pre"] == pre


def test_a_weight_that_f16_cannot_hold_is_refused(tmp_path: Path) -> None:
    folder = merged_folder(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.model.layers[0].mlp.up_proj.weight.data[0, 0] = 1e6
    model.save_pretrained(folder)
    with pytest.raises(CannotExport, match="larger than f16"):
        written(folder, F16)
