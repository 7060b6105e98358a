"""Exports in engines of their own: llama.cpp, OpenVINO and llm-compressor; where one is not there, that is said.

Those marked `engines` need what `make verify-engines` installs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import fakes
import openai
import pytest

from runner.cli.main import main
from runner.export.engine_environments import LLM_COMPRESSOR, OPENVINO, VARIABLE, running
from runner.export.errors import CannotExport
from runner.export.gguf_file import write_gguf
from runner.export.student_export import Gguf, Quantized, export
from store.database import Store
from store.event_log.journal import read_events
from store.events import ExportVerified
from store.paths import Paths
from tests.runner.export.test_serve_model import ROOT, served
from tests.runner.export.test_verify import chatml, with_template
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched

Made = tuple[Store, str, Paths]
QUESTION = "What does a Service do for a Pod?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A finished run with a real tiny student, 256 wide, as llama.cpp's 4-bit blocks are."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512, hidden=256),
                                 repetition_penalty=1.1, learning_rate=2e-3)
    carried_out(store, run, paths)
    yield store, run, paths
    store.close()


@pytest.fixture
def verify(made: Made, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ExportVerified]:
    """Verifies an artefact by the command, and returns what was recorded."""
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    monkeypatch.delenv("STORE_URL", raising=False)
    monkeypatch.setattr("runner.judge.open_judge", fakes.FakeJudge)

    def run(folder: Path, *arguments: str) -> ExportVerified:
        code = main(["verify", made[1], "--artefact", str(folder), *arguments])
        found = [item.event for item in read_events(made[0], made[1]) if isinstance(item.event, ExportVerified)][-1]
        assert code in (0, 1, 2) and found.export == str(folder)
        return found
    return run


@pytest.mark.parametrize(("form", "says"), [
    (("--form", "openvino"), "OpenVINO is not installed in"),
    (("--form", "compressed"), "llm-compressor is not installed in"),
    (("--form", "gguf", "--quantization", "int8"), "--form gguf has no --quantization int8: it has f16, q8_0, q4_0"),
    (("--form", "merged", "--quantization", "q8_0"), "--form merged has no --quantization q8_0: leave it out"),
])
def test_what_is_not_installed_is_said_with_the_way_out_before_anything_is_written(
        made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
        form: tuple[str, ...], says: str) -> None:
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert main(["export", made[1], *form, "--to", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not any(tmp_path.iterdir())
    assert "make verify-engines" in said or "leave it out" in said or "q4_0" in said


def test_an_export_can_be_verified_by_the_command_that_wrote_it(
        made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr("runner.judge.open_judge", fakes.FakeJudge)
    assert main(["export", made[1], "--form", "gguf", "--quantization", "q8_0", "--to", str(tmp_path / "out"),
                 "--verify"]) == 0
    assert "Same as measured: " in capsys.readouterr().out
    found = [item.event for item in read_events(made[0], made[1]) if isinstance(item.event, ExportVerified)][-1]
    assert found.export == str(tmp_path / "out") and "dequantized" in found.engine
    assert main(["export", made[1], "--form", "adapter", "--verify"]) == 2
    assert "an adapter needs its base model" in capsys.readouterr().err


AT_IMPORT_OF_TORCH = """
import os, sys
from runner.cli.main import main
def heard(event, arguments):
    if event == "import" and arguments[0] == "torch":
        print("spins:", os.environ.get("GOMP_SPINCOUNT"), flush=True)
        os._exit(0)
sys.addaudithook(heard)
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", [("export", "--to", "out"), ("verify", "--artefact", "out"),
                                     ("serve-model", "--port", "0")])
def test_waiting_threads_are_kept_from_spinning_before_torch_is_imported(
        made: Made, tmp_path: Path, command: tuple[str, ...]) -> None:
    """On a busy machine threads that spin while they wait take the cores from those they wait for."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("STORE_URL", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    name, *arguments = command
    done = subprocess.run([sys.executable, "-c", AT_IMPORT_OF_TORCH, name, made[1], *arguments], text=True, check=True,
                          env=environment | {"DATA_DIR": str(made[2].data), "PYTHONPATH": str(ROOT)}, cwd=tmp_path,
                          capture_output=True)
    assert done.stdout == "spins: 1000\n", done.stderr


def test_without_llama_cpp_a_gguf_file_is_neither_served_nor_asked_by_it(
        made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    for command in (["serve-model", made[1], "--artefact", str(tmp_path), "--port", "0"],
                    ["verify", made[1], "--artefact", str(tmp_path), "--engine", "llama.cpp"]):
        assert main(command) == 2
        assert "llama.cpp is not installed in" in capsys.readouterr().err
    assert main(["serve-model", made[1], "--artefact", str(tmp_path), "--with-retrieval"]) == 2
    assert "leave --with-retrieval out" in capsys.readouterr().err
    assert main(["verify", made[1], "--artefact", str(tmp_path / "other"), "--engine", "llama.cpp"]) == 2
    assert "is no model folder with one GGUF file" in capsys.readouterr().err


def test_the_quantizer_on_the_path_is_taken_and_its_failure_is_quoted(
        made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "llama-quantize"
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")

    def written(script: str) -> Path:
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        return export(made[0], made[2], made[1], 1, tmp_path / "out", "gguf", Gguf("q4_k_m")).folder
    with pytest.raises(CannotExport, match="failed with exit code 3: it is too small"):
        written("echo it is too small >&2; exit 3")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
    folder = written('test "$3" = q4_k_m && cp "$1" "$2"')
    assert "with weights in Q4_K_M by llama-quantize" in (folder / "README.md").read_text()


def test_a_script_that_ends_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "openvino" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho a note\necho '{\"engine\": \"fake\"}'\nread line\necho it broke >&2\nexit 4\n")
    python.chmod(0o755)
    (tmp_path / "openvino" / ".stamp").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with (tmp_path / "errors").open("w+") as errors, running(errors, "openvino", "none.py", []) as process:
        assert process.read() == {"engine": "fake"}
        process.send("go")
        with pytest.raises(CannotExport, match="OpenVINO ended with exit code 4: it broke"):
            process.read()


@pytest.mark.engines
@pytest.mark.parametrize(("quantization", "equal", "nll"), [("f16", 4, 0.005), ("q8_0", 1, 0.05), ("q4_k_m", 0, 0.3)])
def test_llama_cpps_own_server_gives_what_was_measured(
        made: Made, tmp_path: Path, verify: Callable[..., ExportVerified], quantization: str, equal: int,
        nll: float) -> None:
    """Of a model of random weights, many tokens are almost as likely as the likeliest."""
    folder = export(made[0], made[2], made[1], 1, tmp_path / "out", "gguf", Gguf(quantization)).folder
    found = verify(folder, "--engine", "llama.cpp")
    assert found.engine.startswith("llama.cpp") and found.size_bytes == (folder / "model.gguf").stat().st_size
    assert all(answer.text for answer in found.answers) and found.equal >= equal, found.sentence
    scores = [score for score in found.scores if score.metric == "reference_nll"]
    gaps = [abs(score.exported - score.recorded) for score in scores if score.exported and score.recorded]
    assert len(gaps) >= 6 and sum(gaps) / len(gaps) < nll, found.sentence
    assert found.outcome == "same as measured" or (quantization == "q4_k_m" and "Q4_K" in found.sentence)
    assert "choice_accuracy" in {change.metric for change in found.changes}


def other_base(folder: Path) -> None:
    shutil.copyfile(llama_folder(folder.parent / "other", 7, context=512, hidden=256) / "model.safetensors",
                    folder / "model.safetensors")


def system_prompt(folder: Path) -> None:
    with_template(chatml(system="You are a pirate."))(folder, folder)


@pytest.mark.engines
@pytest.mark.parametrize(("spoil", "cause"), [(other_base, "references' NLL differs by"),
                                              (system_prompt, "another prompt: its tokens are")])
def test_a_spoilt_file_is_different_through_llama_cpps_server(
        made: Made, tmp_path: Path, verify: Callable[..., ExportVerified], spoil: Callable[[Path], None],
        cause: str) -> None:
    folder, to = export(made[0], made[2], made[1], 1, tmp_path / "merged", "merged").folder, tmp_path / "gguf"
    spoil(folder)
    to.mkdir()
    write_gguf(folder, to / "model.gguf", "f16", "spoilt")
    found = verify(to, "--engine", "llama.cpp")
    assert found.outcome == "different" and cause in found.sentence, found.sentence


@pytest.mark.engines
def test_serve_model_serves_a_gguf_file_to_the_official_client(made: Made, tmp_path: Path) -> None:
    store, run, paths = made
    folder = export(store, paths, run, 1, tmp_path / "out", "gguf", Gguf("q8_0")).folder
    with served(paths, run, "--artefact", str(folder), "--key", "a-key") as endpoint:
        client = openai.OpenAI(base_url=endpoint.url, api_key="a-key", max_retries=0)
        asked = {"model": f"{run}-cycle-1", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 4}
        whole = client.chat.completions.create(**asked, temperature=0)  # type: ignore[call-overload]
        assert [one.id for one in client.models.list().data] == [f"{run}-cycle-1"] and whole.usage.completion_tokens
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=endpoint.url, api_key="b", max_retries=0).chat.completions.create(
                **asked)  # type: ignore[call-overload]
        assert endpoint.stop(signal.SIGINT) == 0


@pytest.mark.engines
@pytest.mark.parametrize("quantization", ["int8", "int4"])
def test_compressed_tensors_are_written_and_answer(made: Made, tmp_path: Path, verify: Callable[..., ExportVerified],
                                                   quantization: str) -> None:
    how = Quantized(LLM_COMPRESSOR, quantization)
    folder = export(made[0], made[2], made[1], 1, tmp_path / "out", "compressed", how).folder
    config = json.loads((folder / "config.json").read_text())["quantization_config"]
    assert config["quant_method"] == "compressed-tensors"
    assert "passages of training questions" in (folder / "README.md").read_text()
    holds(verify(folder), "compressed-tensors", folder / "model.safetensors", quantization)


def holds(found: ExportVerified, engine: str, weights: Path, quantization: str) -> None:
    """The engine answered from these weights, with likelihoods, and as measured where they have 8 bits."""
    nll = next(change for change in found.changes if change.metric == "reference_nll")
    assert found.engine.startswith(engine) and nll.scored >= 6
    assert found.size_bytes == weights.stat().st_size
    if quantization == "int8":
        assert found.outcome == "same as measured" and abs(nll.change or 0.0) < 0.05, found.sentence


@pytest.mark.engines
@pytest.mark.parametrize("quantization", ["int8", "int4"])
def test_openvino_writes_and_answers(made: Made, tmp_path: Path, verify: Callable[..., ExportVerified],
                                     quantization: str) -> None:
    how = Quantized(OPENVINO, quantization)
    folder = export(made[0], made[2], made[1], 1, tmp_path / "out", "openvino", how).folder
    assert (folder / "openvino_model.xml").is_file() and "OpenVINO" in (folder / "README.md").read_text()
    holds(verify(folder), "OpenVINO", folder / "openvino_model.bin", quantization)
    if quantization != "int8":
        assert "passages of training questions" in (folder / "README.md").read_text()
    config = json.loads((folder / "generation_config.json").read_text())
    config["do_sample"] = True
    (folder / "generation_config.json").write_text(json.dumps(config))
    assert verify(folder).outcome == "different"
