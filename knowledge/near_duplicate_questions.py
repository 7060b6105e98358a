"""Near-duplicate detection for questions.

Two questions are near-duplicates if their words differ only in stop words, order, grammatical number or spelling, but
not if an identifier, a number or a negation differs: 'replicas of a Deployment' and 'replicas of a StatefulSet' look
alike but ask for different facts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from knowledge.kubernetes.topics import TOPICS

# Words with at least this similarity are spellings of one word (plural, typo).
SAME_WORD_RATIO = 83.0
# With at least this many shared words, one extra word still is a near-duplicate.
MIN_SHARED = 6
# Of so few texts, each is compared: that is quicker than to look them up by their words.
_FEW_TEXTS = 20

_TOKEN = re.compile(r"\w+(?:[./:%-]+\w+)*%?")
_STOP_WORDS = frozenset(re.findall(r"[\w-]+", """
a an the of in on at to for from by with as is are was be been being do does did what which how why when where who
will would can could should shall may might and or that this these those it its there their they you your one
exactly precisely actually please tell me us if into kubernetes k8s cluster field called so then about have has mean
means purpose used use
"""))
_MEANINGFUL = frozenset(re.findall(r"[\w-]+", """
not no never without cannot before after minimum maximum min max more less true false
"""))
_KINDS = frozenset(kind.strip("*").lower() for topic in TOPICS for kind in topic.kinds)


def normalize(text: str) -> str:
    """Lower-case words separated by single spaces; punctuation is dropped."""
    return " ".join(_TOKEN.findall(text.casefold()))


@dataclass(frozen=True)
class _Features:
    """What is compared of a text, from one look at its words."""

    normalized: str
    identifiers: frozenset[str]
    content: frozenset[str]
    """Words that are no stop words, in the singular."""


@lru_cache(maxsize=20_000)
def _features(text: str) -> _Features:
    words = _TOKEN.findall(text)
    folded = [word.lower() for word in words] if text.isascii() else _TOKEN.findall(text.casefold())
    return _Features(" ".join(folded),
                     frozenset(_singular(word.lower()) for index, word in enumerate(words)
                               if _is_identifier(word, index)),
                     frozenset(_singular(word) for word in folded if word not in _STOP_WORDS))


def identifiers(text: str) -> frozenset[str]:
    """The words that must match exactly: kinds, fields, paths, numbers, negations."""
    return _features(text).identifiers


def find_near_duplicate(text: str, others: Iterable[str]) -> str | None:
    """The first of the others that is a near-duplicate of the text, or None."""
    return next((other for other in others if is_near_duplicate(text, other)), None)


def is_near_duplicate(one: str, other: str) -> bool:
    """Whether two questions ask the same in nearly the same words."""
    one_has, other_has = _features(one), _features(other)
    if one_has.normalized == other_has.normalized:
        return True
    if one_has.identifiers != other_has.identifiers:
        return False
    ours, theirs = one_has.content, other_has.content
    if not ours or not theirs:
        return False
    extra, missing = _unmatched(ours, theirs), _unmatched(theirs, ours)
    if extra and missing:
        return False
    return len(extra) + len(missing) <= (1 if len(ours & theirs) >= MIN_SHARED else 0)


class NearDuplicateIndex:
    """Find near-duplicates among many texts: only texts with the same identifiers and a rare word are compared."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """`texts` are added to the index."""
        self._by_identifiers: defaultdict[frozenset[str], _Group] = defaultdict(_Group)
        self._by_normalized: dict[str, str] = {}
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Add a text to the index."""
        features = _features(text)
        self._by_normalized.setdefault(features.normalized, text)
        self._by_identifiers[features.identifiers].add(text)

    def find(self, text: str) -> str | None:
        """An indexed near-duplicate of the text, or None; of several the one that was added first."""
        features = _features(text)
        same = self._by_normalized.get(features.normalized)
        if same is not None:
            return same
        group = self._by_identifiers.get(features.identifiers)
        return None if group is None else find_near_duplicate(text, group.candidates(text))


class _Group:
    """Texts with the same identifiers, by their content words.

    Near-duplicates differ in one word at most, so a text and its near-duplicate share any two words of either, or one
    of the two; words that are spellings of each other count as the same. Two rare words thus find all of them, and the
    comparisons do not grow with the square of the texts.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._places: dict[str, list[int]] = {}
        self._vocabulary: list[str] = []
        self._spellings: dict[str, tuple[int, list[str]]] = {}
        """Word -> how much of the vocabulary was compared with it, and its spellings there."""

    def add(self, text: str) -> None:
        for word in _features(text).content:
            if word not in self._places:
                self._places[word] = []
                self._vocabulary.append(word)
            self._places[word].append(len(self._texts))
        self._texts.append(text)

    def candidates(self, text: str) -> Iterator[str]:
        """The texts that may be near-duplicates of a text, in the order in which they were added."""
        if len(self._texts) <= _FEW_TEXTS:
            yield from self._texts
            return
        rarest = sorted(_features(text).content, key=lambda word: (len(self._places.get(word, ())), word))[:2]
        places = {place for word in rarest for spelling in self._spellings_of(word) for place in self._places[spelling]}
        yield from (self._texts[place] for place in sorted(places))

    def _spellings_of(self, word: str) -> list[str]:
        compared, found = self._spellings.get(word, (0, []))
        if compared < len(self._vocabulary):
            found = found + [other for other, _, _ in process.extract(
                word, self._vocabulary[compared:], scorer=fuzz.ratio, score_cutoff=SAME_WORD_RATIO, limit=None)]
            self._spellings[word] = len(self._vocabulary), found
        return found


def _unmatched(words: frozenset[str], others: frozenset[str]) -> list[str]:
    candidates = others - words
    return [word for word in words - others
            if not any(fuzz.ratio(word, other) >= SAME_WORD_RATIO for other in candidates)]


def _is_identifier(word: str, index: int) -> bool:
    if word.lower() in _MEANINGFUL or _singular(word.lower()) in _KINDS or not word.isalpha():
        return True
    # A capital inside a word marks an identifier; an initial one only if it does not begin the text.
    return (len(word) > 1 and not word[1:].islower()) or (index > 0 and word[0].isupper())


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
