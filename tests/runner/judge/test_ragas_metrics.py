"""The judge: similarity as RAGAS has it, and fact recall."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import numpy as np
import pytest
import torch

from runner.judge.errors import JudgeFailed
from runner.judge.fact_recall import fact_recall
from runner.judge.ragas_metrics import RagasJudge
from runner.judge.sentence_encoder import Encoder

POD = "A Pod is a group of one or more containers that share network and storage."
PAIRS = [("A Pod groups containers.", POD), ("Bananas are yellow.", POD), (POD, POD)]


@pytest.fixture(scope="module")
def judge() -> RagasJudge:
    return RagasJudge()


def plain_vector(encoder: Encoder, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Mean pooling of one text alone: no batch, no padding."""
    inputs = encoder.tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
    with torch.no_grad():
        mean = encoder.model(**inputs).last_hidden_state[0].mean(0)
    vector: np.ndarray[Any, np.dtype[np.float32]] = mean.numpy()
    return vector


def test_it_equals_ragas_over_plain_vectors(judge: RagasJudge) -> None:
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


def test_scores_lie_in_0_to_1_and_order_by_meaning(judge: RagasJudge) -> None:
    close, far, same = judge.similarities(PAIRS)
    assert close is not None and far is not None
    assert 0 <= far < close < 1
    assert same == pytest.approx(1.0)


@pytest.mark.parametrize("pair", [("", POD), (POD, " "), ("", "")])
def test_an_empty_text_has_no_score(judge: RagasJudge, pair: tuple[str, str]) -> None:
    assert judge.similarities([pair, (POD, POD)]) == [None, pytest.approx(1.0)]


def test_a_score_does_not_depend_on_what_was_judged_before(judge: RagasJudge) -> None:
    pairs = [("A Pod is a group.", "A Pod runs containers together on one node, and they share a network."),
             ("Why?", "The scheduler picks a node for each new Pod."), ("It routes.", "A Service has an address.")]
    fresh = judge.similarities(pairs)
    judge.similarities([("Something else, and rather longer than that.", reference) for _, reference in pairs])
    assert judge.similarities(pairs) == fresh


def test_no_pairs_give_no_scores(judge: RagasJudge) -> None:
    assert judge.similarities([]) == []


def test_texts_beyond_256_word_pieces_are_flagged(judge: RagasJudge) -> None:
    assert judge.cut(["short", "pod " * 300]) == (False, True)
    assert judge.similarities([("pod " * 300, "pod " * 300)]) == [pytest.approx(1.0)]


LONG = ("The field `progressDeadlineSeconds` of a Deployment defaults to 600. If a rollout makes no progress for that "
        "long, the condition Progressing becomes False; Kubernetes takes no further action by itself.")


@pytest.mark.parametrize("answer", [POD, LONG, "After 600 seconds, with the reason ProgressDeadlineExceeded.", "??",
                                    "Übrigens: 日本語 und Emoji 🙂.", "A " * 500])
@pytest.mark.parametrize("reference", [POD, LONG])
def test_the_overlaps_are_ragas_own_and_those_of_the_libraries_beneath(judge: RagasJudge, answer: str,
                                                                       reference: str) -> None:
    from ragas.metrics.collections import CHRFScore, RougeScore
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import sentence_chrf

    (found,) = judge.overlaps([(answer, reference)])
    assert found
    rouge = asyncio.run(RougeScore(rouge_type="rougeL").ascore(reference=reference, response=answer)).value
    chrf = asyncio.run(CHRFScore().ascore(reference=reference, response=answer)).value
    assert (found.rouge_l, found.chrf) == pytest.approx((rouge, chrf), abs=1e-4)
    assert found.rouge_l == pytest.approx(
        RougeScorer(["rougeL"], use_stemmer=True).score(reference, answer)["rougeL"].fmeasure, abs=1e-4)
    assert found.chrf == pytest.approx(sentence_chrf(answer, [reference]).score / 100, abs=1e-4)


def test_an_empty_text_has_no_overlap(judge: RagasJudge) -> None:
    empty, full = judge.overlaps([("  ", POD), (POD, POD)])
    assert empty is None and full and full.rouge_l == pytest.approx(1) and full.chrf == pytest.approx(1)


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
    ("Under system:serviceaccount:NAMESPACE:NAME.", ["system:serviceaccount:", "NAMESPACE:NAME"], 1.0),
    ("Served at /apis/batch/v1.", ["/apis/"], 1.0),
    ("Give `--dry-run` (a flag).", ["--dry-run", "flag"], 1.0),
    ("a pre--dry-runs", ["dry-run"], 0.0),
    ("", ["etcd"], 0.0),
])
def test_fact_recall_counts_whole_terms(answer: str, terms: list[str], share: float) -> None:
    assert fact_recall(answer, terms) == pytest.approx(share)


@pytest.mark.parametrize(("answer", "stated"), [
    ("It defaults to `10` seconds.", True), ("The default is 10.", True), ("10 by default.", True),
    ("10 seconds. The default differs.", False), ("It defaults to 100.", False), ("It does not default to 10.", False)])
def test_a_default_may_be_stated_in_other_words(answer: str, stated: bool) -> None:
    assert fact_recall(answer, ['Defaults to "10"'], "Defaults to \"10\" seconds.") == stated


def test_a_negated_fact_does_not_count() -> None:
    assert fact_recall("It is not stored in etcd.", ["etcd"], "It is stored in etcd.") == 0
    assert fact_recall("It doesn't use etcd.", ["etcd"], "It uses etcd.") == 0
    assert fact_recall("It never fails, it is stored in etcd.", ["etcd"], "It is stored in etcd.") == 1
    assert fact_recall("Not in memory. It is stored in etcd.", ["etcd"], "It is stored in etcd.") == 1


@pytest.mark.parametrize(("answer", "term"), [
    ("State is kept without etcd.", "etcd"), ("Neither etcd nor a file holds it.", "etcd"),
    ("etcd is not where it is kept.", "etcd"), ("`etcd` cannot hold it.", "etcd"), ("etcd doesn't hold it.", "etcd"),
    ("etcd never holds it.", "etcd"), ("None of it is in etcd.", "etcd"), ("NOT in etcd!", "etcd"),
    ("It is not, in contrast to what many say, kept there: no etcd.", "etcd"),
    ("It does not restart the Pod.", "restart the Pod")])
def test_a_negation_on_either_side_of_a_term_denies_it(answer: str, term: str) -> None:
    assert fact_recall(answer, [term], "It is kept in etcd. It will restart the Pod.") == 0


@pytest.mark.parametrize(("answer", "term"), [
    ("With restartPolicy Never the Pod ends as Failed.", "Failed"),
    ("With `clusterIP: None` DNS answers with the Pods.", "Pods"),
    ("Set it to `no` for a headless Service.", "headless"),
    ("It is kept in etcd, not in a file.", "etcd"), ("It is kept in etcd but never in a file.", "etcd"),
    ("Nothing is lost: it is kept in etcd.", "etcd"), ("It is not a file. It is etcd.", "etcd"),
    ("Notes and nodes are kept in etcd.", "etcd"), ("It is not in etcd at first, later it is in etcd.", "etcd")])
def test_a_negation_of_something_else_and_a_value_named_never_leave_the_fact_standing(answer: str, term: str) -> None:
    assert fact_recall(answer, [term], "") == 1


def test_most_terms_of_a_negated_passage_no_longer_count_and_those_of_the_true_one_do() -> None:
    """On all the notes, each sentence negated by the rule that makes foils: a regression guard, not a proof."""
    import random
    import re

    from knowledge.kubernetes.notes import read_notes
    from knowledge.perturbations import RULES

    notes = read_notes()
    negated = [" ".join(RULES["negated"](sentence, random.Random(1)) or sentence
                        for sentence in re.split(r"(?<=[.!?])\s+", note.text)) for note in notes]
    denied = [fact_recall(text, note.key_terms, note.text) or 0 for text, note in zip(negated, notes, strict=True)]
    true = [fact_recall(note.text, note.key_terms) or 0 for note in notes]
    assert sum(true) / len(true) > 0.93
    assert sum(denied) / len(denied) < 0.67


def test_a_fact_that_the_reference_negates_too_counts() -> None:
    assert fact_recall("It does not restart Pods.", ["Pod"], "The controller never restarts a Pod.") == 1


def test_without_key_terms_there_is_no_recall() -> None:
    assert fact_recall("anything", []) is None


def test_an_error_inside_a_metric_is_a_judge_failure_that_names_the_metric(
        judge: RagasJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**_: Any) -> Any:
        raise ValueError("no such shape")
    monkeypatch.setattr(judge.metric, "ascore", broken, raising=False)
    with pytest.raises(JudgeFailed, match="semantic similarity could not be computed: no such shape"):
        judge.similarities(PAIRS)
