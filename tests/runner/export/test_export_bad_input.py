"""What cannot be exported, verified or served is refused in one sentence with exit code 2, and nothing is left."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.cli.main import main
from runner.export import gguf_shapes
from runner.export.student_export import export
from store.database import Store
from store.event_log.journal import read_events
from store.paths import Paths
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched

ROOT = Path(__file__).resolve().parents[3]
Made = tuple[Store, str, Paths, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A finished run of a real tiny student, and its merged folder."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), questions=2, held_out=2, steps=1)
    carried_out(store, run, paths)
    yield store, run, paths, export(store, paths, run, 1, folder / "exported", "merged").folder
    store.close()


@pytest.fixture
def refused(made: Made, monkeypatch: pytest.MonkeyPatch,
            capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command of the run, and returns the one line in which it was refused."""
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    monkeypatch.delenv("STORE_URL", raising=False)

    def run(command: str, *arguments: str) -> str:
        assert main([command, made[1], *arguments]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "Traceback" not in said
        return said
    return run


def test_a_converter_that_is_not_there(refused: Callable[..., str], tmp_path: Path) -> None:
    said = refused("export", "--form", "gguf", "--converter", str(tmp_path / "none.py"), "--to", str(tmp_path / "out"))
    assert "none.py does not exist: it is llama.cpp's convert_hf_to_gguf.py" in said and not any(tmp_path.iterdir())


def test_an_architecture_that_cannot_be_converted(refused: Callable[..., str], tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_shapes, "SHAPES", {"phi": gguf_shapes.SHAPES["phi"]})
    said = refused("export", "--form", "gguf", "--to", str(tmp_path / "out"))
    assert "kind 'llama' cannot be written to GGUF here, only phi" in said and "--form merged" in said
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["merged", "gguf"])
def test_a_disk_that_is_full_in_the_middle(made: Made, tmp_path: Path, form: str) -> None:
    """Files may have 60,000 bytes: the weights begin to be written, and do not end."""
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    environment = {name: value for name, value in os.environ.items() if name != "STORE_URL"}
    done = subprocess.run([sys.executable, "-m", "runner", "export", made[1], "--form", form, "--to",
                           str(tmp_path / "out")], cwd=ROOT, env=environment | {"DATA_DIR": str(made[2].data)},
                          preexec_fn=small, capture_output=True, text=True, check=False, timeout=300)
    said = done.stderr.splitlines()[-1]  # before it, libraries warn
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert said.startswith("error: ") and "out could not be written: " in said and "nothing of it is left" in said
    assert not any(tmp_path.iterdir())


def test_a_server_that_is_down_or_has_another_model(refused: Callable[..., str]) -> None:
    assert "http://127.0.0.1:9/v1 does not answer: start the server" in refused(
        "verify", "--artefact", "http://127.0.0.1:9/v1")
    with FakeOpenAI() as fake:
        fake.listed = [{"id": "another"}, {"id": "a third"}]
        assert "has no model 'ours'; it lists another, a third" in refused(
            "verify", "--artefact", fake.url, "--model", "ours")
        assert "lists 2 models: another, a third; name one" in refused("verify", "--artefact", fake.url)
        fake.listed = []
        for address in (fake.url, fake.url.removesuffix("/v1")):
            assert "lists no models: check that it is the base URL" in refused("verify", "--artefact", address)
    with FakeOpenAI(key="a-key") as fake:
        assert "key" in refused("verify", "--artefact", fake.url, "--model", "gpt-4o-mini")


def test_a_server_that_goes_down_in_the_middle_leaves_no_record(made: Made, refused: Callable[..., str]) -> None:
    before = len(list(read_events(made[0], made[1])))
    with FakeOpenAI() as fake:
        fake.listed = [{"id": "ours"}]
        fake.script.extend([gone] * 50)
        said = refused("verify", "--artefact", fake.url)
    assert fake.requests and "127.0.0.1" in said and len(list(read_events(made[0], made[1]))) == before


def gone(handler: object, body: object) -> None:
    handler.send_error(400, "the model was unloaded")  # type: ignore[attr-defined]


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(("spoil", "says"), [
    pytest.param(without("config.json"), "is no model folder: it has no config.json and 0 GGUF files", id="no config"),
    pytest.param(without("model.safetensors"), "cannot be loaded by transformers", id="no weights"),
    pytest.param(pickled, "cannot be loaded by transformers", id="pickled weights"),
    pytest.param(cut("model.safetensors"), "cannot be loaded by transformers", id="half of the weights"),
    pytest.param(cut("config.json"), "cannot be loaded by transformers", id="half of the configuration"),
    pytest.param(without("chat_template.jinja"), "has no chat template", id="no chat template"),
])
def test_a_folder_that_somebody_else_made(made: Made, refused: Callable[..., str], tmp_path: Path,
                                          spoil: Callable[[Path], None], says: str) -> None:
    folder = tmp_path / "theirs"
    shutil.copytree(made[3], folder)
    spoil(folder)
    assert says in refused("verify", "--artefact", str(folder))


def test_a_gguf_file_that_is_none(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(60))
    assert "cannot be loaded by transformers" in refused("verify", "--artefact", str(tmp_path / "model.gguf"))
