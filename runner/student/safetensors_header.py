"""Read tensor names, dtypes and shapes from the headers of safetensors files, without reading weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PLAIN_TYPES = ("F32", "BF16", "F16")
"""dtype names of unquantized weights in safetensors headers; quantized weights are packed bytes."""


@dataclass(frozen=True)
class Tensor:
    """One tensor's entry in the header."""

    dtype: str
    shape: tuple[int, ...]


def tensors_in(path: Path) -> dict[str, Tensor]:
    """A file's tensors by name; empty if the header cannot be read (loading the file will report why)."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return {name: Tensor(str(entry["dtype"]), tuple(map(int, entry["shape"]))) for name, entry in header.items()
                if name != "__metadata__"}
    except (OSError, ValueError, MemoryError, OverflowError, AttributeError, KeyError, TypeError):
        return {}
