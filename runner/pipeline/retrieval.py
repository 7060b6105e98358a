"""Dense retrieval: rank passages for a question by cosine similarity, with the judge's bundled sentence encoder.

Importing this is cheap; the encoder is loaded when a retriever is opened. Knows texts, not domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.protocols import RetrievalResult, Retriever

if TYPE_CHECKING:
    from runner.judge.sentence_encoder import Encoder


def open_retriever() -> Retriever:
    """Load the bundled MiniLM encoder and return a retriever over it.

    Raises:
        ModelLoadFailed: the encoder's package is not installed.
    """
    from runner.hardware import configure_native_libraries, time_loading

    configure_native_libraries()
    with time_loading():
        from runner.judge.sentence_encoder import Encoder  # late: imports torch

        return EncoderRetriever(Encoder())


class EncoderRetriever:
    """Implements `protocols.Retriever` by cosine similarity of sentence embeddings."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = f"cosine of {encoder.name}"

    def best(self, queries: Sequence[str], texts: Sequence[str], count: int) -> RetrievalResult:
        """Rank the texts for each query; ties keep their order. About 100 texts a second are encoded per core."""
        found = self._encoder.encode(texts)
        scores = self._encoder.encode(queries).vectors @ found.vectors.T
        ranked = (-scores).argsort(axis=1, kind="stable")[:, :count]
        return RetrievalResult(tuple(tuple(map(int, row)) for row in ranked), sum(found.cut))
