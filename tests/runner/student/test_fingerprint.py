"""Which student was taught: its weights have a name that changes with any byte of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from runner.student.models.fingerprint import weights_fingerprint


def folder(at: Path, **files: bytes) -> str:
    at.mkdir()
    for name, content in files.items():
        (at / f"{name}.safetensors").write_bytes(content)
    (at / "config.json").write_text("{}")
    return str(at)


def test_a_folder_is_named_by_its_weights_alone(tmp_path: Path) -> None:
    one = weights_fingerprint(folder(tmp_path / "one", a=b"weights", b=b"more"), None)
    same = weights_fingerprint(folder(tmp_path / "same", b=b"more", a=b"weights"), None)
    other = weights_fingerprint(folder(tmp_path / "other", a=b"weights", b=b"morf"), None)
    assert one == same != other and one.startswith("sha256:") and len(one) == 71


def test_a_hub_model_is_named_by_its_commit_and_an_unknown_one_not_at_all() -> None:
    assert weights_fingerprint("microsoft/phi-2", SimpleNamespace(_commit_hash="ef382358")) == "commit:ef382358"
    assert weights_fingerprint("microsoft/phi-2", SimpleNamespace()) == ""
