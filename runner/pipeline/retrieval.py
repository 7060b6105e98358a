"""Dense retrieval: rank passages for a question by cosine similarity, with the judge's bundled sentence encoder.

Importing this is cheap; the encoder is loaded when a retriever is opened. Knows texts, not domains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from knowledge.given_questions import ANSWER_ALONE
from knowledge.passages import Passage
from runner.protocols import RetrievalResult

if TYPE_CHECKING:
    from runner.judge.sentence_encoder import Encoder, TextVectors


def retrievable(passages: Iterable[Passage]) -> list[Passage]:
    """The passages that are searched: an answer that a person gave without a passage would hand out the reference."""
    return [passage for passage in passages if passage.source != ANSWER_ALONE]


def open_retriever() -> EncoderRetriever:
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
        return self.index(texts).best(queries, count)

    def index(self, texts: Sequence[str]) -> TextIndex:
        """Encode texts once, to search them several times."""
        return TextIndex(self._encoder, self._encoder.encode(texts))


@dataclass(frozen=True)
class TextIndex:
    """Encoded texts."""

    encoder: Encoder
    texts: TextVectors

    def best(self, queries: Sequence[str], count: int) -> RetrievalResult:
        """Rank the texts for each query; ties keep their order."""
        scores = self.encoder.encode(queries).vectors @ self.texts.vectors.T
        ranked = (-scores).argsort(axis=1, kind="stable")[:, :count]
        return RetrievalResult(tuple(tuple(map(int, row)) for row in ranked), sum(self.texts.cut))
