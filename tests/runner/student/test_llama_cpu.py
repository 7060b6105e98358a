"""A plain Llama is read without transformers, with the same weights, ids and answers as through it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runner.protocols import GenerationConfig, TrainingConfig, TrainingExample
from runner.student.errors import AdapterLoadFailed, ModelLoadFailed
from runner.student.llama_cpu.weights import LlamaCheckpoint, shape_of
from runner.student.local_student import LocalStudent
from runner.student.lora import merge_arithmetic, peft_adapter
from runner.student.lora.adapter_files import read_lora_weights
from runner.student.models.loader import load_model
from store.run_config import DEFAULT_TARGET_MODULES
from tests.runner.tiny_models import llama_folder, student

TEXTS = ["What is a Pod?", "", "  two  spaces, a tab\tand\nlines\n\n", "<|im_end|> and <|im_start|>user\nmarkers",
         "Größe, 你好, \U0001f680 and \x00", "kubectl get pods -A --field-selector=status.phase!=Running"]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_folder(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained one: lora_A and lora_B both differ from zero."""
    to = tmp_path_factory.mktemp("adapter")
    recipe = TrainingConfig(2, 1e-2, 1, 1, False, 4, 8, 0.0, DEFAULT_TARGET_MODULES, 64, 3)
    student(folder).fine_tune([TrainingExample("Why?", "So.")], recipe, None, to, lambda step: None)
    return to


def same_texts(of: Any) -> None:
    """Our fast tokenizer gives the same ids and texts as the library's."""
    ours, library = of.tokenizer, of.hf_tokenizer
    assert type(ours) is not type(library)
    for text in TEXTS:
        for special in (True, False):
            ids = library(text, add_special_tokens=False, split_special_tokens=special)["input_ids"]
            assert ours(text, add_special_tokens=False, split_special_tokens=special)["input_ids"] == ids
            for skipped in (True, False):
                assert ours.decode(ids, skip_special_tokens=skipped) == library.decode(ids, skip_special_tokens=skipped)
        assert ours(text)["input_ids"] == library(text)["input_ids"]
    for name in ("eos_token_id", "unk_token_id", "bos_token_id"):
        assert getattr(ours, name) == getattr(library, name)
    for token in ("<|im_start|>", "<|im_end|>", "no such token"):
        assert ours.convert_tokens_to_ids(token) == library.convert_tokens_to_ids(token)


def test_the_fast_tokenizer_gives_the_same_ids_and_texts(folder: Path) -> None:
    same_texts(load_model(str(folder), "fp32", "cpu"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_and_rotary_positions_are_the_librarys(folder: Path, precision: str) -> None:
    loaded = load_model(str(folder), precision, "cpu")
    assert loaded.checkpoint
    _same(loaded.checkpoint.as_model(), loaded.model)
    like, positions = torch.ones(1, dtype=loaded.model.dtype), torch.arange(100)[None]
    mine = loaded.checkpoint.as_model().model.rotary_emb(like, positions)
    assert all(map(torch.equal, mine, loaded.model.model.rotary_emb(like, positions)))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_adapter_is_merged_to_the_same_bit_as_by_the_library(folder: Path, adapter: Path, precision: str,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_model(str(folder), precision, "cpu")
    assert loaded.checkpoint
    found = read_lora_weights(adapter, loaded.checkpoint.config.weights())
    assert found
    with monkeypatch.context() as patch:
        patch.setattr(peft_adapter, "is_standard_lora", lambda _adapted: False)
        theirs = peft_adapter.merged_copy(loaded.model, adapter)
    _same(loaded.checkpoint.as_model(found.merged), theirs)
    _same(loaded.checkpoint.as_model(found.merged), peft_adapter.merged_copy(loaded.model, adapter))


def test_merged_copy_has_the_weights_that_the_library_would_merge(folder: Path, adapter: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(folder), "fp32", "cpu").model
    for rows in (256, 7):  # a block, and blocks that do not come out even
        monkeypatch.setattr(merge_arithmetic, "_ROWS", rows)
        ours = peft_adapter.merged_copy(model, adapter).state_dict()
        with monkeypatch.context() as patch:
            patch.setattr(peft_adapter, "is_standard_lora", lambda _adapted: False)
            theirs = peft_adapter.merged_copy(model, adapter).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)
    assert any(not torch.equal(ours[name], weight) for name, weight in model.state_dict().items())


def _same(plain: Any, model: Any) -> None:
    assert torch.equal(plain.model.embed_tokens.weight, model.model.embed_tokens.weight)
    assert torch.equal(plain.model.norm.weight, model.model.norm.weight)
    assert torch.equal(plain.lm_head.weight, model.lm_head.weight)
    for mine, its in zip(plain.model.layers, model.model.layers, strict=True):
        assert torch.equal(mine.input_layernorm.weight, its.input_layernorm.weight)
        assert torch.equal(mine.post_attention_layernorm.weight, its.post_attention_layernorm.weight)
        for part, names in (("self_attn", ("q_proj", "k_proj", "v_proj", "o_proj")),
                            ("mlp", ("gate_proj", "up_proj", "down_proj"))):
            for name in names:
                weight = getattr(getattr(mine, part), name).weight
                assert torch.equal(weight, getattr(getattr(its, part), name).weight)


def test_baseline_and_tuned_answers_need_no_large_library(folder: Path, adapter: Path, tmp_path: Path) -> None:
    """In a process of its own, because this one has imported them all."""
    code = (
        "import sys; from pathlib import Path; from runner.protocols import GenerationConfig;"
        "from runner.student import open_student;"
        "from store.presets import preset; folder, adapter, models = sys.argv[1:];"
        "found = open_student(preset('embedded', student=folder), Path(models));"
        "text = ''.join(found.stream('What is a Pod?', GenerationConfig(4, 0.0, 0.95, 50, 1.1, 60), 1, None));"
        "text = ''.join(found.stream('What is a Pod?', GenerationConfig(4, 0.0, 0.95, 50, 1.1, 60), 1, Path(adapter)));"
        "nll = found.likelihoods([('What?', 'That.')], Path(adapter))[0].nll; assert nll > 0, nll;"
        "large = {'transformers', 'peft', 'trl', 'datasets', 'accelerate', 'bitsandbytes'} & set(sys.modules);"
        "assert not large, large")
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(adapter), str(tmp_path)], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return change


def _tokenizer_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return change


@pytest.mark.parametrize("change", [
    _config(rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}),
    _config(attention_bias=True), _config(hidden_act="gelu"), _config(num_hidden_layers=1), _config(hidden_size=None),
    _tokenizer_config(tokenizer_class="GPT2Tokenizer"), _tokenizer_config(add_bos_token=True),
    _tokenizer_config(eos_token="Pod"),
    lambda folder: (folder / "special_tokens_map.json").write_text("{}"),
    lambda folder: shutil.copy(folder / "model.safetensors", folder / "more.safetensors"),
    lambda folder: (folder / "model.safetensors").write_bytes(b"half"),
], ids=["positions", "biases", "activation", "layers", "no size", "tokenizer", "beginning token", "end token",
        "more tokens", "more weights", "damage"])
def test_any_other_model_folder_is_left_to_the_library(tmp_path: Path, folder: Path, change: Any) -> None:
    unusual = shutil.copytree(folder, tmp_path / "unusual")
    change(unusual)
    try:
        assert load_model(str(unusual), "fp32", "cpu").checkpoint is None
    except ModelLoadFailed as error:
        assert "unusual" in str(error)


def test_an_adapter_that_is_not_standard_lora_is_left_to_peft(folder: Path, adapter: Path, tmp_path: Path) -> None:
    weights = (shape_of(folder) or pytest.fail("not plain")).weights()
    for change in ({"use_dora": True}, {"rank_pattern": {"q_proj": 2}}, {"bias": "all"}, {"r": 8}):
        other = shutil.copytree(adapter, tmp_path / "-".join(change))
        config = json.loads((other / "adapter_config.json").read_text())
        (other / "adapter_config.json").write_text(json.dumps(config | change))
        assert read_lora_weights(other, weights) is None
    other_base = shape_of(llama_folder(tmp_path / "wider", hidden=64))
    assert other_base and read_lora_weights(adapter, other_base.weights()) is None


def test_an_adapter_of_another_base_is_refused_by_name(adapter: Path, tmp_path: Path) -> None:
    wider = student(llama_folder(tmp_path / "wider", hidden=64))
    with pytest.raises(AdapterLoadFailed, match=r"does not fit this student or is damaged: .*size mismatch"):
        _answer(wider, adapter)


def test_a_model_that_changes_while_it_is_in_use_is_noticed(folder: Path, tmp_path: Path) -> None:
    """Its fingerprint is recorded, and its file is read again whenever the adapter changes."""
    copied = shutil.copytree(folder, tmp_path / "copied")
    tiny = student(copied)
    _answer(tiny, None)
    shutil.copy(llama_folder(tmp_path / "other", seed=1) / "model.safetensors", copied / "model.safetensors")
    _answer(tiny, None)  # packed already
    with pytest.raises(ModelLoadFailed, match=r"model\.safetensors was changed or removed"):
        tiny.loaded.model  # noqa: B018
    with pytest.raises(ModelLoadFailed, match=r"was changed or removed"):
        assert tiny.loaded.checkpoint
        tiny.loaded.checkpoint.as_model()


def test_weights_of_another_type_are_converted(folder: Path) -> None:
    shape = shape_of(folder)
    assert shape
    plain = LlamaCheckpoint(folder, shape, torch.bfloat16).as_model()
    assert {layer.mlp.up_proj.weight.dtype for layer in plain.model.layers} == {torch.bfloat16}


def _answer(of: LocalStudent, adapter: Path | None) -> str:
    return "".join(of.stream("Why?", GenerationConfig(4, 0.0, 0.95, 50, 1.1, 60), 1, adapter))
