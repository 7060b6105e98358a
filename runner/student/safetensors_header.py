"""What safetensors files say of themselves in their headers: no weight is read. Knows nothing of models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PLAIN_TYPES = ("F32", "BF16", "F16")
"""How files name the types of weights that are numbers as they stand; quantized ones are packed bytes."""


@dataclass(frozen=True)
class Tensor:
    """One tensor by its header."""

    dtype: str
    shape: tuple[int, ...]


def tensors_in(path: Path) -> dict[str, Tensor]:
    """A file's tensors by name; none where its header cannot be read: loading will say what is wrong with it."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return {name: Tensor(str(told["dtype"]), tuple(map(int, told["shape"]))) for name, told in header.items()
                if name != "__metadata__"}
    except (OSError, ValueError, MemoryError, OverflowError, AttributeError, KeyError, TypeError):
        return {}
