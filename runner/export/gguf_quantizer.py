"""Quantize a GGUF file in ways that llama.cpp alone can, by its own tool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from runner.export.errors import CannotExport

TOOL = "llama-quantize"


def checked_quantizer(quantization: str) -> str:
    """Return the tool that writes this quantization.

    Raises:
        CannotExport: it is not there.
    """
    tool = shutil.which(TOOL)
    if tool is None:
        raise CannotExport(f"{quantization.upper()} is written by llama.cpp's own {TOOL}, which is not on the PATH "
                           "(the gguf package only reads it): install llama.cpp, or take --quantization q4_0 or q8_0")
    return tool


def quantize(source: Path, to: Path, quantization: str) -> None:
    """Quantize a file in f16.

    Raises:
        CannotExport: the tool is not there, or failed; the message has its last line.
    """
    tool = checked_quantizer(quantization)
    done = subprocess.run([tool, str(source), str(to), quantization], capture_output=True, text=True, errors="replace",
                          check=False)
    if done.returncode or not to.is_file():
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise CannotExport(f"{TOOL} failed with exit code {done.returncode}: {lines[-1][:300]}")
