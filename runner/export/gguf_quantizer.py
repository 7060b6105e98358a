"""Quantize a GGUF file by llama.cpp's own tool, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from runner.export.errors import CannotExport

TOOL = "llama-quantize"


def installed_quantizer() -> str | None:
    """The path of the tool; None where it is not on the PATH."""
    return shutil.which(TOOL)


def quantize(tool: str, source: Path, to: Path, quantization: str) -> None:
    """Quantize a file in f16.

    Raises:
        CannotExport: the tool failed; the message has its last line.
    """
    done = subprocess.run([tool, str(source), str(to), quantization], capture_output=True, text=True, errors="replace",
                          check=False)
    if done.returncode or not to.is_file():
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise CannotExport(f"{TOOL} failed with exit code {done.returncode}: {lines[-1][:300]}")
