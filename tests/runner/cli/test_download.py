"""`download`: the real command against a hub on the loopback address, interrupted and resumed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.fake_hub import FakeHub, serving
from tests.runner.loopback_hub import COMMIT
from tests.runner.tiny_models import phi_folder

ROOT = Path(__file__).resolve().parents[3]
MODEL = "somebody/tiny-phi"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    folder = phi_folder(tmp_path / "source", hidden=640)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "modeling_evil.py").write_text("raise SystemExit('run')")
    with serving(folder, MODEL) as served:
        yield served


def run(hub_address: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()} | {
        "HF_ENDPOINT": hub_address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    environment.pop("HF_HUB_OFFLINE", None)
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=1700)


def test_a_broken_connection_is_taken_up_in_the_middle_of_the_file(hub: FakeHub, tmp_path: Path) -> None:
    hub.hangs_up_after, hub.hang_ups = 12_000_000, 1
    done = run(hub.address, tmp_path / "home", "-m", "runner", "download", MODEL)
    assert done.returncode == 0, done.stderr
    first, then = [wanted for name, wanted in hub.asked if name == "model.safetensors"]
    assert first is None and then and int(re.findall(r"\d+", then)[0]) >= 10_000_000


@pytest.mark.slow
def test_an_interrupted_download_fetches_no_finished_file_again_and_loads_without_a_hub(
        hub: FakeHub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    hub.hangs_up_after = 12_000_000  # more than the 10 MB that the library keeps at a time
    broken = run(hub.address, home, "-m", "runner", "download", MODEL)
    assert broken.returncode == 2 and "the same command fetches the rest" in broken.stderr
    hub.hangs_up_after, asked_before = None, len(hub.asked)
    done = run(hub.address, home, "-m", "runner", "download", MODEL)
    assert done.returncode == 0, done.stderr
    assert COMMIT in done.stdout and f"--student {MODEL}" in done.stdout
    assert "100%" in done.stderr  # a progress bar
    finished = {name for name, _ in hub.asked[:asked_before]} - {"model.safetensors"}
    assert finished and not finished & {name for name, _ in hub.asked[asked_before:]}
    fetched = {name for name, _ in hub.asked}
    assert "model.safetensors" in fetched and not {"pytorch_model.bin", "modeling_evil.py"} & fetched
    code = ("from runner.student.models.hf_loader import load_model as load\n"
            f"print(load({MODEL!r}, 'fp32', 'cpu').parameters)")
    loaded = run("http://127.0.0.1:9", home, "-c", code)
    assert loaded.returncode == 0 and int(loaded.stdout) > 100_000, loaded.stderr


@pytest.mark.parametrize(("prepare", "said"), [
    (lambda hub: hub.files.pop("model.safetensors"), "has no safetensors"),
    (lambda hub: setattr(hub, "name", "somebody/else"), "check its name and revision")])
def test_what_a_hub_does_not_have_is_said_in_a_sentence(hub: FakeHub, tmp_path: Path, prepare: object,
                                                        said: str) -> None:
    prepare(hub)  # type: ignore[operator]
    found = run(hub.address, tmp_path / "home", "-m", "runner", "download", MODEL)
    assert found.returncode == 2 and said in found.stderr and "Traceback" not in found.stderr
    assert [name for name, _ in hub.asked] == []


def test_without_a_hub_it_fails_at_once(tmp_path: Path) -> None:
    found = run("http://127.0.0.1:9", tmp_path / "home", "-m", "runner", "download", MODEL)
    assert found.returncode == 2 and "cannot be reached" in found.stderr


def test_a_disk_without_room_is_seen_before_anything_is_fetched(
        hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.student.errors import ModelLoadFailed
    from runner.student.models import hub as door

    monkeypatch.setattr(door.shutil, "disk_usage",
                        lambda _: door.shutil._ntuple_diskusage(9, 9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(ModelLoadFailed, match=r"needs 0\.5 GB.*HF_HOME"):
        door.download(door.HubModel(MODEL, COMMIT, ("model.safetensors",), 5_000_000))
    assert hub.asked == []
