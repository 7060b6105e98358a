"""A spoilt GGUF file is found through llama.cpp's own server; needs what `make verify-engines` installs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from runner.export.gguf_file import write_gguf
from runner.export.student_export import export
from store.analysis.export_verdict import DIFFERENT, SAME
from store.events import ExportVerified
from tests.runner.export.test_honest_exports import Made, by_llama_cpp
from tests.runner.export.test_verify import TEMPLATE, chatml, edited, with_template, with_weights
from tests.runner.export.test_verify_served import Spoil, early_end
from tests.runner.student.test_chat_template import folder_of
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Made, Path]]:
    """A finished run of a real tiny student, and its merged folder."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), repetition_penalty=1.0,
                                 learning_rate=2e-2, max_new_tokens=12, held_out=8)
    carried_out(store, run, paths)
    yield (store, run, paths), export(store, paths, run, 1, folder / "exported", "merged").folder
    store.close()


def verified(made: Made, merged: Path, to: Path) -> ExportVerified:
    """Write a merged folder as it is to GGUF, and verify that through its server."""
    to.mkdir()
    write_gguf(merged, to / "model.gguf", "f16", "spoilt")
    return by_llama_cpp(made, to, 1)


def other_merges(folder: Path, base: Path) -> None:
    """Another tokenizer, whose tokens the model has; one without any merge is none that llama.cpp loads."""
    file = folder / "tokenizer.json"
    said = json.loads(file.read_text())
    said["model"]["merges"] = said["model"]["merges"][:1]
    file.write_text(json.dumps(said))


def other_end(folder: Path, base: Path) -> None:
    """The file's end token is one in the middle of most answers: GGUF has only one."""
    early_end(folder, base)
    ends = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
    edited("generation_config.json", eos_token_id=ends[::-1])(folder, base)


def test_the_honest_file_is_the_same(made: tuple[Made, Path], tmp_path: Path) -> None:
    found = verified(*made, tmp_path / "gguf")
    assert found.outcome == SAME and found.causes == (), found.sentence


@pytest.mark.parametrize(("spoil", "cause"), [
    pytest.param(with_template(TEMPLATE), "another prompt", id="other template"),
    pytest.param(with_template(chatml(bos="<|endoftext|>")), "another prompt", id="a BOS that training had not"),
    pytest.param(with_template(chatml(system="You are a pirate.")), "another prompt", id="system prompt"),
    pytest.param(other_merges, "another tokenizer", id="wrong tokenizer"),
    pytest.param(other_end, "answers end earlier", id="wrong stop"),
    pytest.param(with_weights(0.0), "the adapter was not applied", id="unmerged LoRA"),
    pytest.param(with_weights(0.3), "references' NLL differs", id="LoRA scale"),
    pytest.param(with_weights(0.0, seed=7), "references' NLL differs", id="other base"),
    pytest.param(edited("config.json", rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
                 "references' NLL differs", id="other rope"),
])
def test_a_spoilt_file_is_different(made: tuple[Made, Path], tmp_path: Path, spoil: Spoil, cause: str) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(made[1], folder)
    spoil(folder, made[0][2].data / "tiny")
    found = verified(made[0], folder, tmp_path / "gguf")
    assert found.outcome == DIFFERENT and cause in found.sentence, found.sentence


def test_a_bos_in_the_template_comes_once_and_a_file_without_it_is_different(tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, folder_of("llama-3", tmp_path / "tiny", context=640),
                                 repetition_penalty=1.0, learning_rate=2e-2)
    carried_out(store, run, paths)
    folder = export(store, paths, run, 1, tmp_path / "out", "merged").folder
    assert (found := verified((store, run, paths), folder, tmp_path / "honest")).outcome == SAME, found.sentence
    template = AutoTokenizer.from_pretrained(folder).chat_template
    with_template(template.replace("<|begin_of_text|>", ""))(folder, folder)
    found = verified((store, run, paths), folder, tmp_path / "spoilt")
    assert found.outcome == DIFFERENT and "another prompt" in found.sentence, found.sentence
    store.close()
