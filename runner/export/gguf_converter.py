"""Convert a merged model to GGUF with llama.cpp's own script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runner.export.errors import CannotExport


def checked_converter(script: Path) -> None:
    """Check that the script exists.

    Raises:
        CannotExport: it does not.
    """
    if not script.is_file():
        raise CannotExport(f"converter {script} does not exist: it is llama.cpp's convert_hf_to_gguf.py")


def convert(script: Path, model: Path, to: Path) -> None:
    """Write the model of a folder to a GGUF file.

    Raises:
        CannotExport: the script failed; the message has its last line.
    """
    done = subprocess.run([sys.executable, str(script), str(model), "--outfile", str(to)], capture_output=True,
                          text=True, check=False)
    if done.returncode or not to.is_file():
        output = (done.stderr or done.stdout).strip().splitlines()
        last_line = output[-1] if output else "no output"
        raise CannotExport(f"{script} failed with exit code {done.returncode}: {last_line}")
