"""An export is uploaded in one commit, private by default, and never over what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.main import main
from runner.student.models.hub_upload import CannotPush, push
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched
from tests.runner.upload_hub import UploadHub, serving

TOKEN = "hf_made_for_a_test"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadHub]:
    for name in ("HF_HUB_OFFLINE", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving(TOKEN) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "export"
    made.mkdir()
    (made / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A card\n")
    (made / "model.gguf").write_bytes(b"GGUF" + bytes(range(256)))
    return made


def test_all_files_arrive_in_one_commit_of_a_private_repository(hub: UploadHub, folder: Path) -> None:
    assert push(folder, "team/pods", True, "Cycle 1 of run r").endswith("/team/pods")
    assert hub.private == {"team/pods": True} and hub.messages == ["Cycle 1 of run r"]
    assert hub.files["team/pods"] == {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CannotPush, match="has files already .README.md, model.gguf.: choose a new name"):
        push(folder, "team/pods", True, "again")
    assert hub.messages == ["Cycle 1 of run r"]


def test_public_is_only_what_is_said_to_be(hub: UploadHub, folder: Path) -> None:
    hub.private["team/open"], hub.files["team/open"] = False, {}
    with pytest.raises(CannotPush, match="is public: choose a new name, or say --public"):
        push(folder, "team/open", True, "first")
    assert push(folder, "team/open", False, "first") and hub.files["team/open"].keys() == {"README.md", "model.gguf"}
    push(folder, "team/new", False, "first")
    assert hub.private["team/new"] is False


def test_what_goes_wrong_is_said_in_a_sentence(hub: UploadHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.full = True
    with pytest.raises(CannotPush, match="was not uploaded to .*HF_TOKEN may write; the export is in"):
        push(folder, "team/pods", True, "first")
    hub.full = False
    assert push(folder, "team/pods", True, "second")  # the repository of the failed attempt is empty
    with pytest.raises(CannotPush, match="was not uploaded"):
        push(folder, "a/b/c", True, "first")
    monkeypatch.setenv("HF_TOKEN", "another")
    with pytest.raises(CannotPush, match="was not uploaded"):
        push(folder, "team/other", True, "first")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CannotPush, match="cannot be reached"):
        push(folder, "team/pods", True, "first")


def test_the_command_exports_and_uploads_with_the_card(hub: UploadHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    store, run, paths = launched(tmp_path, llama_folder(tmp_path / "tiny", context=512), questions=2, held_out=2,
                                 steps=1)
    carried_out(store, run, paths)
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["export", run, "--form", "adapter", "--to", str(tmp_path / "out"), "--push-to-hub", "team/pods"]) == 0
    assert f"{hub.address}/team/pods" in capsys.readouterr().out
    assert f"run {run}".encode() in hub.files["team/pods"]["README.md"] and hub.private["team/pods"]
    assert "adapter_model.safetensors" in hub.files["team/pods"]
    assert main(["export", run, "--form", "adapter", "--to", str(tmp_path / "two"), "--push-to-hub", "team/pods"]) == 2
    assert "has files already" in capsys.readouterr().err and (tmp_path / "two").is_dir()
    store.close()
