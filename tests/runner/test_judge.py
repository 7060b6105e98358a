"""The judge: similarity as RAGAS has it, and fact recall."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import numpy as np
import pytest
import torch

from runner.judge.embedding import Encoder
from runner.judge.lexical import fact_recall
from runner.judge.similarity import SimilarityJudge

POD = "A Pod is a group of one or more containers that share network and storage."
PAIRS = [("A Pod groups containers.", POD), ("Bananas are yellow.", POD), (POD, POD)]


@pytest.fixture(scope="module")
def judge() -> SimilarityJudge:
    return SimilarityJudge()


def plain_vector(encoder: Encoder, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Mean pooling of one text alone: no batch, no padding."""
    inputs = encoder.tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
    with torch.no_grad():
        mean = encoder.model(**inputs).last_hidden_state[0].mean(0)
    vector: np.ndarray[Any, np.dtype[np.float32]] = mean.numpy()
    return vector


def test_it_equals_ragas_over_plain_vectors(judge: SimilarityJudge) -> None:
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.metrics.collections import SemanticSimilarity

    class Plain(BaseRagasEmbedding):  # type: ignore[misc]
        def embed_text(self, text: str, **_: Any) -> list[float]:
            return plain_vector(judge.embedding.encoder, text).tolist()

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return self.embed_text(text)

    metric = SemanticSimilarity(embeddings=Plain())
    expected = [asyncio.run(metric.ascore(reference=ref, response=answer)).value for answer, ref in PAIRS]
    assert judge.similarities(PAIRS) == pytest.approx([min(1, max(0, value)) for value in expected], abs=1e-4)


def test_scores_lie_in_0_to_1_and_order_by_meaning(judge: SimilarityJudge) -> None:
    close, far, same = judge.similarities(PAIRS)
    assert close is not None and far is not None
    assert 0 <= far < close < 1
    assert same == pytest.approx(1.0)


@pytest.mark.parametrize("pair", [("", POD), (POD, " "), ("", "")])
def test_an_empty_text_has_no_score(judge: SimilarityJudge, pair: tuple[str, str]) -> None:
    assert judge.similarities([pair, (POD, POD)]) == [None, pytest.approx(1.0)]


def test_references_are_encoded_once(judge: SimilarityJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    judge.similarities(PAIRS)
    asked: list[str] = []
    real = judge.embedding.encoder.encode
    monkeypatch.setattr(judge.embedding.encoder, "encode", lambda texts: (asked.extend(texts), real(texts))[1])
    judge.similarities([("Another answer.", POD)])
    assert asked == ["Another answer."]


def test_no_pairs_give_no_scores(judge: SimilarityJudge) -> None:
    assert judge.similarities([]) == []


def test_texts_beyond_256_word_pieces_are_flagged(judge: SimilarityJudge) -> None:
    assert judge.cut(["short", "pod " * 300]) == (False, True)
    assert judge.similarities([("pod " * 300, "pod " * 300)]) == [pytest.approx(1.0)]


def test_ragas_does_not_post_telemetry() -> None:
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"


@pytest.mark.parametrize(("answer", "terms", "share"), [
    ("It lives in etcd.", ["etcd"], 1.0),
    ("A ReplicaSet and two Pods.", ["pod", "ReplicaSets", "Service"], 2 / 3),
    ("Network policies.", ["policy"], 1.0),
    ("the kubelet", ["kube"], 0.0),
    ("It listens on\n port  10250.", ["port 10250"], 1.0),
    ("It listens on port 102501.", ["port 10250"], 0.0),
    ("Set spec.replicas to 3.", ["spec.replicas"], 1.0),
    ("", ["etcd"], 0.0),
])
def test_fact_recall_counts_whole_terms(answer: str, terms: list[str], share: float) -> None:
    assert fact_recall(answer, terms) == pytest.approx(share)


def test_a_negated_fact_does_not_count() -> None:
    assert fact_recall("It is not stored in etcd.", ["etcd"], "It is stored in etcd.") == 0
    assert fact_recall("It doesn't use etcd.", ["etcd"], "It uses etcd.") == 0
    assert fact_recall("It never fails, it is stored in etcd.", ["etcd"], "It is stored in etcd.") == 1
    assert fact_recall("Not in memory. It is stored in etcd.", ["etcd"], "It is stored in etcd.") == 1


def test_a_fact_that_the_reference_negates_too_counts() -> None:
    assert fact_recall("It does not restart Pods.", ["Pod"], "The controller never restarts a Pod.") == 1


def test_without_key_terms_there_is_no_recall() -> None:
    assert fact_recall("anything", []) is None
