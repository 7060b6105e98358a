"""Find texts that say nearly the same or contain one another, without comparing each with each. Pure.

Texts are looked up by their rare words and rare pairs of neighbouring words, and only what meets there is compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from rapidfuzz import fuzz, process

Item = TypeVar("Item", bound=Hashable)

# Threshold chosen from pairs in the API reference: above it, one sentence about two kinds; below it, two facts.
SAME_TEXT = 82.0
# Minimum similarity for a text contained in a longer one; only for texts with at least MIN_TELLING_WORDS words.
CONTAINED_TEXT = 94.0
MIN_TELLING_WORDS = 10

# Of two texts of which one contains the other, at least this share of the shorter one's words is in the other.
_SHARED_WORDS = 0.7
# Of two texts that are the same by SAME_TEXT, at least this share of the word pairs of each is in the other.
_SHARED_PAIRS = 0.25


class SimilarTexts:
    """Normalized texts, and whether another one says nearly the same as one of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` are lower-case words separated by single spaces."""
        self._texts = list(dict.fromkeys(texts))
        self._exact = frozenset(self._texts)
        self._pairs = _Postings([_pairs(text) for text in self._texts])
        self._words = [frozenset(text.split()) if _is_telling(text) else frozenset() for text in self._texts]
        self._by_word = _Postings(self._words)
        # A known text that is contained in a longer one shares one of these words with it.
        self._by_rare_word = _Postings([self._by_word.rarest(words, _SHARED_WORDS) for words in self._words])

    def has_match(self, text: str) -> bool:
        """Whether one of the texts is the same in nearly all words, contains the text or is contained in it."""
        return text in self._exact or self._has_same(text) or (_is_telling(text) and self._has_containing(text))

    def _has_same(self, text: str) -> bool:
        found = self._pairs.having(self._pairs.rarest(_pairs(text), _SHARED_PAIRS))
        return process.extractOne(text, [self._texts[number] for number in found], scorer=fuzz.ratio,
                                  score_cutoff=SAME_TEXT) is not None

    def _has_containing(self, text: str) -> bool:
        words = frozenset(text.split())
        near = self._by_word.having(self._by_word.rarest(words, _SHARED_WORDS)) | self._by_rare_word.having(words)
        return any(fuzz.token_set_ratio(text, self._texts[number]) >= CONTAINED_TEXT for number in near
                   if len(words & self._words[number]) >= _SHARED_WORDS * min(len(words), len(self._words[number])))


class _Postings(Generic[Item]):
    """The numbers of the texts that have an item: a word, or a pair of words."""

    def __init__(self, texts: Sequence[Iterable[Item]]) -> None:
        self._numbers: defaultdict[Item, list[int]] = defaultdict(list)
        for number, items in enumerate(texts):
            for item in items:
                self._numbers[item].append(number)

    def having(self, items: Iterable[Item]) -> set[int]:
        """The texts that have any of the items."""
        return {number for item in items if item in self._numbers for number in self._numbers[item]}

    def rarest(self, items: Iterable[Item], shared: float) -> list[Item]:
        """The rarest of the items, so many that a text with a share of all items has one of them at least."""
        order = sorted(items, key=lambda item: len(self._numbers[item]) if item in self._numbers else 0)
        return order[:int((1 - shared) * len(order)) + 1]


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    """The pairs of neighbouring words, with the ends of the text as words."""
    return frozenset(pairwise(["", *text.split(), ""]))


def _is_telling(text: str) -> bool:
    return len(text.split()) >= MIN_TELLING_WORDS
