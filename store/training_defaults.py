"""How a student is trained on study items, by its size: learning rate, rank, batch and presentations.

The values of the embedded student are its presets; those of larger students follow what others report (LoRA on all
linear layers wants about ten times the rate of full fine-tuning, less the wider the model), and none was measured here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.I)
_KNOWN = {"phi-2": 2.8}
"""Billions of parameters of models whose name does not state them."""


@dataclass(frozen=True)
class SizeClass:
    """Students of about one size, and how they are trained where a run does not say otherwise."""

    name: str
    up_to: float
    """Billions of parameters."""
    values: Mapping[str, Any]
    """Setting -> value."""
    assumed_tokens_per_second: float
    """Of training on one small GPU in 4 bits; an assumption, for plans before the first training alone."""


def _values(learning_rate: float, rank: int, batch: int, accumulation: int, passes: float) -> dict[str, Any]:
    return {"learning_rate": learning_rate, "lora_rank": rank, "lora_alpha": 2 * rank, "lora_dropout": 0.0,
            "passes": passes, "general_replay": 0.15, "batch_size": batch, "gradient_accumulation": accumulation}


CLASSES = (
    SizeClass("up to 0.2 billion, as the embedded student", 0.2, _values(1.5e-3, 32, 8, 1, 60.0), 20_000),
    SizeClass("up to 1 billion", 1.0, _values(8e-4, 32, 8, 1, 40.0), 6_000),
    SizeClass("up to 4 billion, and where the name states no size", 4.0, _values(4e-4, 64, 1, 16, 40.0), 1_500),
    SizeClass("larger", float("inf"), _values(2e-4, 64, 1, 32, 30.0), 600),
)
"""From small to large."""
UNKNOWN = CLASSES[2]


def size_class(student: str) -> SizeClass:
    """Return the class of a student by the size that its name states, such as `Qwen2.5-7B`; `UNKNOWN` without one.

    Args:
        student: a model's name or a folder; only the last part of a path counts.
    """
    name = student.rstrip("/").rpartition("/")[2]
    size = _KNOWN.get(name.casefold()) or billions_of(name)
    return UNKNOWN if size == float("inf") else next(one for one in CLASSES if size <= one.up_to)


def billions_of(model: str) -> float:
    """Billions of parameters that a model's name states; infinity where it states none."""
    sizes = [float(number) / (1 if unit in "bB" else 1000) for number, unit in _SIZE.findall(model)]
    return max(sizes, default=float("inf"))
