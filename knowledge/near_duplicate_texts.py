"""Find texts that say nearly the same or contain one another, without comparing each with each. Pure.

Texts are looked up by their rare words and rare pairs of neighbouring words, and only what meets there is compared. Of
texts that are all written in the same words, at most `MOST_COMPARED` are compared with each, so that the comparisons
grow with their number and not with its square.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from rapidfuzz import fuzz, process

Item = TypeVar("Item", str, tuple[str, str])
"""A word, or a pair of words."""

# Threshold chosen from pairs in the API reference: above it, one sentence about two kinds; below it, two facts.
SAME_TEXT = 82.0
# Minimum similarity for a text contained in a longer one; only for texts with at least MIN_TELLING_WORDS words.
CONTAINED_TEXT = 94.0
MIN_TELLING_WORDS = 10

MOST_COMPARED = 1_000
"""How many texts one is compared with letter by letter: those that share its rarest pairs of words come first, and of
those that share a frequent pair the ones that are nearest in length."""

# Of two texts of which one contains the other, at least this share of the shorter one's words is in the other.
_SHARED_WORDS = 0.7
# The words of the contained text that the other one lacks have at most this share of its characters, which follows from
# CONTAINED_TEXT: 2 s / (2 s + d) >= 0.94 for s shared and d other characters.
_OTHER_CHARACTERS = 0.12
# Of two texts that are the same by SAME_TEXT, at least this share of the word pairs of each is in the other.
_SHARED_PAIRS = 0.25


class SimilarTexts:
    """Normalized texts, and whether another one says nearly the same as one of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` are lower-case words separated by single spaces."""
        self._texts = sorted(set(texts), key=lambda text: (len(text), text))
        self._lengths = [len(text) for text in self._texts]
        self._exact = frozenset(self._texts)
        self._pairs = _Postings([_pairs(text) for text in self._texts])
        self._words = [frozenset(text.split()) if _is_telling(text) else frozenset() for text in self._texts]
        self._by_word = _Postings(self._words)
        # A known text that is contained in a longer one shares one of these words with it.
        self._by_rare_word = _Postings([self._telling(words) for words in self._words])

    def has_match(self, text: str) -> bool:
        """Whether one of the texts is the same in nearly all words, contains the text or is contained in it."""
        return text in self._exact or self._has_same(text) or (_is_telling(text) and self._has_containing(text))

    def _has_same(self, text: str) -> bool:
        found = self._pairs.having_near(self._pairs.rarest(_pairs(text), _SHARED_PAIRS),
                                        bisect_left(self._lengths, len(text)), MOST_COMPARED)
        return process.extractOne(text, [self._texts[number] for number in found], scorer=fuzz.ratio,
                                  score_cutoff=SAME_TEXT) is not None

    def _has_containing(self, text: str) -> bool:
        words = frozenset(text.split())
        near = self._by_word.having(self._telling(words)) | self._by_rare_word.having(words)
        return any(fuzz.token_set_ratio(text, self._texts[number]) >= CONTAINED_TEXT for number in near
                   if len(words & self._words[number]) >= _SHARED_WORDS * min(len(words), len(self._words[number])))

    def _telling(self, words: frozenset[str]) -> list[str]:
        """The rarest words of a text, of which a text that contains it has one at least."""
        allowed, found = _OTHER_CHARACTERS * sum(len(word) + 1 for word in words), list[str]()
        for word in self._by_word.rarest(words, 0):
            found.append(word)
            allowed -= len(word) + 1
            if allowed < 0:
                break
        return found


class _Postings(Generic[Item]):
    """The numbers of the texts that have an item: a word, or a pair of words."""

    def __init__(self, texts: Sequence[Iterable[Item]]) -> None:
        self._numbers: defaultdict[Item, list[int]] = defaultdict(list)
        for number, items in enumerate(texts):
            for item in items:
                self._numbers[item].append(number)

    def having(self, items: Iterable[Item]) -> set[int]:
        """The texts that have any of the items."""
        return {number for item in items for number in self._numbers.get(item, ())}

    def having_near(self, items: Iterable[Item], place: int, most: int) -> set[int]:
        """At most so many texts that have any of the items: those of the first items, of the last one those whose
        numbers are nearest to a place."""
        found = set[int]()
        for item in items:
            numbers = self._numbers.get(item, [])
            if len(found) + len(numbers) > most:
                left, middle = most - len(found), bisect_left(numbers, place)
                start = max(0, min(middle - left // 2, len(numbers) - left))
                return found.union(numbers[start:start + left])
            found.update(numbers)
        return found

    def rarest(self, items: Iterable[Item], shared: float) -> list[Item]:
        """The rarest of the items, so many that a text with a share of all items has one of them at least."""
        order = sorted(items, key=lambda item: (len(self._numbers.get(item, ())), item))
        return order[:int((1 - shared) * len(order)) + 1]


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    """The pairs of neighbouring words, with the ends of the text as words."""
    return frozenset(pairwise(["", *text.split(), ""]))


def _is_telling(text: str) -> bool:
    return len(text.split()) >= MIN_TELLING_WORDS
