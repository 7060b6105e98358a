"""Answer similarity: closeness of meaning of answer and reference. The one door to ragas.

It is closeness of wording, not correctness: a reference with every statement negated scores 0.985 against itself.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # before the import: ragas posts telemetry inside its calls otherwise

import numpy as np
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.metrics.collections import SemanticSimilarity

from runner.judge.embedding import Encoder

_REFERENCES_KEPT = 2048  # 384 floats each: 3 MB
Vector = np.ndarray[Any, np.dtype[np.float32]]


class CachedEmbedding(BaseRagasEmbedding):
    """Our encoder in the shape that ragas asks for; texts are encoded in batches beforehand, then looked up."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.kept: dict[str, Vector] = {}
        self.passing: dict[str, Vector] = {}

    def prepare(self, references: Sequence[str], answers: Sequence[str]) -> None:
        """Encode what is not known yet; references stay, for every cycle asks for them again, answers go."""
        if len(self.kept) > _REFERENCES_KEPT:
            self.kept.clear()
        self.passing.clear()
        new = list(dict.fromkeys(text for text in (*references, *answers) if text not in self.kept))
        keep = set(references)
        for text, vector in zip(new, self.encoder.encode(new).vectors, strict=True):
            (self.kept if text in keep else self.passing)[text] = vector

    def embed_text(self, text: str, **_: Any) -> list[float]:
        vector = self.kept.get(text, self.passing.get(text))
        if vector is None:
            vector = self.encoder.encode([text]).vectors[0]
        return vector.tolist()

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return self.embed_text(text)


class SimilarityJudge:
    """Implements `roles.Judge` with RAGAS's SemanticSimilarity."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        self.embedding = CachedEmbedding(encoder or Encoder())
        self.metric = SemanticSimilarity(embeddings=self.embedding)
        self.name = f"RAGAS semantic similarity, {self.embedding.encoder.name}"

    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """Clipped to 0..1. An empty text has no score: ragas would give two empty ones a 1."""
        full = [(answer, reference) for answer, reference in pairs if answer.strip() and reference.strip()]
        self.embedding.prepare([reference for _, reference in full], [answer for answer, _ in full])
        scores = iter(asyncio.run(self._score(full)))
        return [next(scores) if answer.strip() and reference.strip() else None for answer, reference in pairs]

    def cut(self, texts: Sequence[str]) -> tuple[bool, ...]:
        """Which texts are longer than the encoder reads, so that only their beginning is compared."""
        return self.embedding.encoder.encode(texts).cut

    async def _score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        results = [await self.metric.ascore(reference=reference, response=answer) for answer, reference in pairs]
        return [min(1.0, max(0.0, float(result.value))) for result in results]
