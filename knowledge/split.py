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

import rapidfuzz
from rapidfuzz import fuzz, process

from knowledge.disk_cache import cached
from knowledge.domain import Domain
from knowledge.near_duplicates import NearDuplicateIndex, normalize
from knowledge.passages import Passage

Side = Literal["practice", "held-out"]
PRACTICE_SIDE: Side = "practice"
HELD_OUT_SIDE: Side = "held-out"
PRACTICE_PERCENT = 70

# Chosen by looking at the pairs in the API reference: above, one sentence about two kinds; below, two facts.
SAME_TEXT = 82.0
# How much of a shorter text lies within a longer one; only asked of texts with enough words to tell.
CONTAINED_TEXT = 94.0
MIN_TELLING_WORDS = 10


def side_of(passage_id: str) -> Side:
    """The side a passage is on, for ever: 70 in 100 are for practice."""
    place = int(hashlib.sha256(f"side of {passage_id}".encode()).hexdigest(), 16) % 100
    return PRACTICE_SIDE if place < PRACTICE_PERCENT else HELD_OUT_SIDE


def near_duplicates(candidates: Sequence[Passage], against: Sequence[Passage]) -> frozenset[str]:
    """Ids of the candidates that say, or are asked, nearly the same as one of the others."""
    known_texts = [comparison_text(passage) for passage in against]
    exact, containing = set(known_texts), _ContainmentIndex(known_texts)
    asked = NearDuplicateIndex(question for passage in against for question in passage.questions)
    return frozenset(passage.id for passage in candidates
                     if (text := comparison_text(passage)) in exact
                     or process.extractOne(text, known_texts, scorer=fuzz.ratio, score_cutoff=SAME_TEXT)
                     or containing.finds(text)
                     or any(asked.twin_of(question) for question in passage.questions))


@lru_cache(maxsize=8)
def practice_passages(domain: Domain) -> tuple[Passage, ...]:
    """All passages that may be trained on."""
    return tuple(passage for passage in domain.passages if side_of(passage.id) == PRACTICE_SIDE)


@lru_cache(maxsize=8)
def held_out_passages(domain: Domain) -> tuple[Passage, ...]:
    """All passages that may be tested on: those held out, less the near twins of practice passages."""
    held_out = [passage for passage in domain.passages if side_of(passage.id) == HELD_OUT_SIDE]

    def twins() -> list[str]:
        return sorted(near_duplicates(held_out, practice_passages(domain)))
    left_out = set(cached("near-twins", f"{domain.follows_from}-{rapidfuzz.__version__}", twins)
                   if domain.follows_from else twins())
    return tuple(passage for passage in held_out if passage.id not in left_out)


@lru_cache(maxsize=8192)
def comparison_text(passage: Passage) -> str:
    """A text as it is compared: without the kind and field it is about, words only.

    The same sentence stands under many kinds ("minReadySeconds" of four workloads); with its subject
    it would look like another one.
    """
    text = re.sub(r"^In an? \w+, [\w-]+ \([^)]*\)", "", passage.text) if passage.source == "api" else passage.text
    names = set(passage.title.split(".")) if passage.source == "api" else set()
    words = [word for word in text.split() if word.strip(".,:;'\"") not in names]
    return normalize(" ".join(words))


class _ContainmentIndex:
    """Finds texts that lie within one of many, or that one of many lies within, as far as words tell."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._bits: dict[str, int] = {}
        words = [(text, frozenset(text.split())) for text in texts if len(text.split()) >= MIN_TELLING_WORDS]
        self._known = [(text, self._mask(of_text), len(of_text)) for text, of_text in words]

    def finds(self, text: str) -> bool:
        """Whether one of them is such a text; too short a text tells nothing."""
        if len(text.split()) < MIN_TELLING_WORDS:
            return False
        words = frozenset(text.split())
        mask, most = self._mask(words), len(words)
        # The costly comparison only where most words of the shorter text are in the longer one.
        overlapping = [other for other, its, size in self._known
                       if (mask & its).bit_count() >= 0.7 * (size if size < most else most)]
        return any(fuzz.token_set_ratio(text, other) >= CONTAINED_TEXT for other in overlapping)

    def _mask(self, words: frozenset[str]) -> int:
        """The words as bits of one number: counting what two texts share is then one step, not one a word."""
        mask = 0
        for word in words:
            mask |= 1 << self._bits.setdefault(word, len(self._bits))
        return mask
