"""The wheel: everything in one package, a small first installation, and a command that works in an empty folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from distill.wheel_metadata import requirements

ROOT = Path(__file__).resolve().parents[1]


def test_what_the_dashboard_needs_is_installed_without_torch() -> None:
    found = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    names = {extra: {line.partition("==")[0].partition("[")[0] for line in lines} for extra, lines in found.items()}
    assert {"streamlit", "plotly", "sqlalchemy", "fastapi", "httpx"} <= names[""]
    assert {"torch", "transformers", "peft", "trl", "openai", "ragas"} <= names["train"]
    assert sum(map(len, found.values())) == len([line for line in (ROOT / "requirements.txt").read_text().splitlines()
                                                 if line and not line.startswith("#")])


@pytest.mark.slow
def test_the_wheel_installs_and_answers_in_an_empty_environment(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "--no-deps", "--quiet", "-w", str(tmp_path), str(ROOT)], check=True)
    wheel, = tmp_path.glob("*.whl")
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {one for one in top if not one.endswith(".dist-info")} == {"distill"}
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    subprocess.run([str(tmp_path / "env/bin/pip"), "install", "--quiet", str(wheel)], check=True)
    (tmp_path / "empty").mkdir()

    def distill(*arguments: str) -> str:
        return subprocess.run([str(tmp_path / "env/bin/distill"), *arguments], cwd=tmp_path / "empty", check=True,
                              capture_output=True, text=True).stdout

    assert "serve the REST interface" in distill("--help")
    assert "no run yet" in distill("status")
    assert list((tmp_path / "empty").iterdir()) == []
    modules = subprocess.run([str(tmp_path / "env/bin/python"), "-c", "import importlib.util as u, distill\n"
                              "print([m for m in ('store', 'runner', 'torch') if u.find_spec(m)])"],
                             cwd=tmp_path / "empty", check=True, capture_output=True, text=True).stdout
    assert modules.strip() == "[]"
