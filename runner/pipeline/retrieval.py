"""Retrieval: the passages nearest to a question, by the same bundled sentence encoder that the judge compares with.

Importing this costs nothing; the encoder is loaded when a retriever is opened. Knows texts, not domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.protocols import RetrievalResult, Retriever

if TYPE_CHECKING:
    from runner.judge.sentence_encoder import Encoder


def open_retriever() -> Retriever:
    """A retriever over the bundled MiniLM encoder.

    Raises:
        ModelLoadFailed: the encoder's package is not installed.
    """
    from runner.hardware import configure_native_libraries, time_loading

    configure_native_libraries()
    with time_loading():
        from runner.judge.sentence_encoder import Encoder  # late: imports torch

        return EncoderRetriever(Encoder())


class EncoderRetriever:
    """Implements `roles.Retriever` by cosine of sentence vectors."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = f"cosine of {encoder.name}"

    def best(self, queries: Sequence[str], texts: Sequence[str], count: int) -> RetrievalResult:
        """Equal scores keep the order of the texts. All of them are encoded, about a hundred a second on a core."""
        found = self._encoder.encode(texts)
        scores = self._encoder.encode(queries).vectors @ found.vectors.T
        ranked = (-scores).argsort(axis=1, kind="stable")[:, :count]
        return RetrievalResult(tuple(tuple(int(at) for at in row) for row in ranked), sum(found.cut))
