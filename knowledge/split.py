"""Split passages into a practice side and a held-out side for testing.

A passage's side depends on its id alone, so it never changes. A held-out passage that nearly duplicates a practice
passage would test memorization, so it is used on neither side; nor is one that an earlier run had on the other side in
other words (`split_stability`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import rapidfuzz

from knowledge.disk_cache import cached
from knowledge.domain import Domain
from knowledge.near_duplicate_questions import NearDuplicateIndex, normalize
from knowledge.passages import Passage
from knowledge.near_duplicate_texts import SimilarTexts

Side = Literal["practice", "held-out"]
PRACTICE_SIDE: Side = "practice"
HELD_OUT_SIDE: Side = "held-out"
PRACTICE_PERCENT = 70


def side_of(passage_id: str) -> Side:
    """The side that a passage is always on; 70 % are for practice."""
    bucket = int(hashlib.sha256(f"side of {passage_id}".encode()).hexdigest(), 16) % 100
    return PRACTICE_SIDE if bucket < PRACTICE_PERCENT else HELD_OUT_SIDE


def overlapping_passages(candidates: Sequence[Passage], against: Sequence[Passage]) -> frozenset[str]:
    """Ids of the candidates whose text or question nearly duplicates one of the others."""
    known = SimilarTexts([comparison_text(passage) for passage in against])
    questions = NearDuplicateIndex(question for passage in against for question in passage.wordings)
    return frozenset(passage.id for passage in candidates if known.has_match(comparison_text(passage))
                     or any(questions.find(question) for question in passage.wordings))


@lru_cache(maxsize=8)
def practice_passages(domain: Domain) -> tuple[Passage, ...]:
    """All passages that may be trained on."""
    return tuple(_on(PRACTICE_SIDE, domain))


@lru_cache(maxsize=8)
def held_out_passages(domain: Domain) -> tuple[Passage, ...]:
    """All passages that may be tested on: the held-out side without near-duplicates of practice passages."""
    held_out = _on(HELD_OUT_SIDE, domain)

    def duplicates() -> list[str]:
        return sorted(overlapping_passages(held_out, practice_passages(domain)))
    excluded = set(cached("near-twins", f"{domain.follows_from}-{rapidfuzz.__version__}", duplicates)
                   if domain.follows_from else duplicates())
    return tuple(passage for passage in held_out if passage.id not in excluded)


def _on(side: Side, domain: Domain) -> list[Passage]:
    return [passage for passage in domain.passages if side_of(passage.id) == side and passage.id not in domain.excluded]


@lru_cache(maxsize=50_000)
def comparison_text(passage: Passage) -> str:
    """The passage's text normalized for comparison, without the kind and field that it is about.

    The same sentence occurs under many kinds ("minReadySeconds" of four workloads); its subject would make it look
    different.
    """
    text = re.sub(r"^In an? \w+, [\w-]+ \([^)]*\)", "", passage.text) if passage.source == "api" else passage.text
    names = set(passage.title.split(".")) if passage.source == "api" else set()
    words = [word for word in text.split() if word.strip(".,:;'\"") not in names]
    return normalize(" ".join(words))
