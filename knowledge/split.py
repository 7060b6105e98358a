"""Which passages may be practised and which are kept back to test with.

A passage's side follows from its id alone, so it never changes. A held-out passage that says nearly
the same as one on the practice side would test memory and not learning: it is used on neither side.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz, process

from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.twins import TwinIndex, normal

Side = Literal["practice", "held-out"]
PRACTICE_SIDE: Side = "practice"
HELD_OUT_SIDE: Side = "held-out"
PRACTICE_PERCENT = 70

# Chosen by looking at the pairs in the API reference: above, one sentence about two kinds; below, two facts.
SAME_TEXT = 82.0
# How much of a shorter text lies within a longer one; only asked of texts with enough words to tell.
CONTAINED_TEXT = 94.0
TELLING_WORDS = 10


def side_of(passage_id: str) -> Side:
    """The side a passage is on, for ever: 70 in 100 are for practice."""
    place = int(hashlib.sha256(f"side of {passage_id}".encode()).hexdigest(), 16) % 100
    return PRACTICE_SIDE if place < PRACTICE_PERCENT else HELD_OUT_SIDE


def near_duplicates(candidates: Sequence[Passage], against: Sequence[Passage]) -> frozenset[str]:
    """Ids of the candidates that say, or are asked, nearly the same as one of the others."""
    known_texts = [comparable(passage) for passage in against]
    exact = set(known_texts)
    asked = TwinIndex(question for passage in against for question in passage.questions)
    return frozenset(passage.id for passage in candidates
                     if (text := comparable(passage)) in exact
                     or _resembles(text, known_texts)
                     or any(asked.twin_of(question) for question in passage.questions))


@lru_cache(maxsize=8)
def practice_passages(domain: Domain) -> tuple[Passage, ...]:
    """All passages that may be trained on."""
    return tuple(passage for passage in domain.passages if side_of(passage.id) == PRACTICE_SIDE)


@lru_cache(maxsize=8)
def held_out_passages(domain: Domain) -> tuple[Passage, ...]:
    """All passages that may be tested on: those held out, less the near twins of practice passages."""
    held_out = [passage for passage in domain.passages if side_of(passage.id) == HELD_OUT_SIDE]
    twins = near_duplicates(held_out, practice_passages(domain))
    return tuple(passage for passage in held_out if passage.id not in twins)


@lru_cache(maxsize=8192)
def comparable(passage: Passage) -> str:
    """A text as it is compared: without the kind and field it is about, words only.

    The same sentence stands under many kinds ("minReadySeconds" of four workloads); with its subject
    it would look like another one.
    """
    text = re.sub(r"^In an? \w+, [\w-]+ \([^)]*\)", "", passage.text) if passage.source == "api" else passage.text
    names = set(passage.title.split(".")) if passage.source == "api" else set()
    words = [word for word in text.split() if word.strip(".,:;'\"") not in names]
    return normal(" ".join(words))


def _resembles(text: str, known: list[str]) -> bool:
    if process.extractOne(text, known, scorer=fuzz.ratio, score_cutoff=SAME_TEXT):
        return True
    if len(text.split()) < TELLING_WORDS:
        return False
    words = _words(text)
    # The costly comparison only where most words of the shorter text are in the longer one.
    overlapping = [other for other in known if len(words & _words(other)) >= 0.7 * min(len(words), len(_words(other)))]
    return any(len(other.split()) >= TELLING_WORDS and fuzz.token_set_ratio(text, other) >= CONTAINED_TEXT
               for other in overlapping)


@lru_cache(maxsize=8192)
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())
