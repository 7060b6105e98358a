"""Retrieval with the real bundled encoder finds the relevant passages, deterministically."""

from __future__ import annotations

import pytest

from knowledge.kubernetes.notes import read_notes
from runner.pipeline.retrieval import open_retriever
from runner.protocols import Retriever

PASSAGES = [passage for passage in read_notes() if passage.topic in ("pods", "rbac")]
TEXTS = [f"{passage.title}: {passage.text}" for passage in PASSAGES]


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    return open_retriever()


def test_the_passage_behind_a_question_is_among_the_three_best(retriever: Retriever) -> None:
    search = retriever.best([passage.questions[0] for passage in PASSAGES], TEXTS, 3)
    assert all(len(set(places)) == 3 for places in search.ranked)
    found = sum(at in places for at, places in enumerate(search.ranked))
    assert found >= 0.9 * len(PASSAGES)


def test_a_search_is_repeatable_and_says_what_it_could_not_read_whole(retriever: Retriever) -> None:
    long, query = "word " * 400, [PASSAGES[0].questions[0]]
    first = retriever.best(query, [*TEXTS[:6], long], 3)
    assert first == retriever.best(query, [*TEXTS[:6], long], 3) and first.truncated == 1
    assert retriever.best(query, TEXTS[:2], 3).ranked[0] in ((0, 1), (1, 0))  # fewer texts than wanted
