"""The parts of a passage that study items are made of: sentences, content words, key terms with a gap."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rapidfuzz import fuzz, process

from knowledge.languages import STOPS_WITHOUT_BLANK, is_another_language
from knowledge.passages import Passage
from knowledge.near_duplicate_texts import SAME_TEXT

GAP = "____"

_CAPITALS = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0391-\u03a9\u0400-\u042f"
_SENTENCE_END = re.compile(rf"(?<=[.!?])\s+(?=[{_CAPITALS}`\"'])|(?<=[{STOPS_WITHOUT_BLANK}])\s*(?=\S)")
_WORD = re.compile(r"[\w./:%-]*\w")
_FUNCTION_WORDS = frozenset(re.findall(r"[\w-]+", """
a an the of in on at to for from by with as is are was were be been being do does did has have had it its this that
these those there their they them and or but nor so if then than when while where which what who whom whose how why
will would can could should shall may might must not no one each any all some such only also into onto over under
after before until unless because therefore however both either another other more most less you your i me my we our
"""))


@dataclass(frozen=True)
class Source:
    """A passage, the answer that it is taught with, and the siblings that false statements come from."""

    passage: Passage
    reference: str
    """The full answer: the teacher's reference, else the passage's text with white space normalized."""
    siblings: tuple[Passage, ...]
    """Other passages of the topic that may be trained on."""
    seed: int

    def rng(self, form: str) -> random.Random:
        """A generator of its own for each form, so that one form's items do not depend on which others are made."""
        return random.Random(f"{self.seed} {self.passage.id} {form}")

    @property
    def title(self) -> str:
        return self.passage.title

    @property
    def topic(self) -> str:
        """The topic in words."""
        return self.passage.topic.replace("-", " ")

    @cached_property
    def is_english(self) -> bool:
        """Whether English words may be put around its text."""
        return not is_another_language(self.reference)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        return sentences(self.reference)

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The key terms that the reference contains."""
        return tuple(term for term in self.passage.key_terms if term.casefold() in self.reference.casefold())

    @cached_property
    def plain_words(self) -> tuple[str, ...]:
        """The reference's content words that belong to no key term."""
        hidden = {word.casefold() for term in self.passage.key_terms for word in words(term)}
        return tuple(word for word in dict.fromkeys(content_words(self.reference)) if word.casefold() not in hidden)

    def sentence_with(self, term: str) -> str:
        """The first sentence that contains the term; the whole reference where a term spans two."""
        return next((one for one in self.sentences if term.casefold() in one.casefold()), self.reference)

    @cached_property
    def foreign_questions(self) -> tuple[str, ...]:
        """The questions of the siblings."""
        return tuple(question for sibling in self.siblings if sibling.id != self.passage.id
                     for question in sibling.questions)

    @cached_property
    def foreign_sentences(self) -> tuple[str, ...]:
        """One sentence of each sibling: none resembles a sentence of this passage, which might be an altered copy."""
        firsts = [found[0] for sibling in self.siblings if sibling.id != self.passage.id
                  if (found := sentences(sibling.text))]
        alike = {place for ours in self.sentences for _, _, place in
                 process.extract(ours, firsts, scorer=fuzz.ratio, score_cutoff=SAME_TEXT, limit=None)}
        return tuple(first for place, first in enumerate(firsts) if place not in alike)


@lru_cache(maxsize=20_000)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, white space normalized."""
    return tuple(part for part in _SENTENCE_END.split(" ".join(text.split())) if part)


def words(text: str) -> list[str]:
    """The words of a text, identifiers and numbers whole, without the punctuation around them."""
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """The words of a text without articles, pronouns, auxiliaries and the like, in their order."""
    return [word for word in words(text) if word.casefold() not in _FUNCTION_WORDS]


def with_gap(text: str, term: str) -> str:
    """The text with every occurrence of the term replaced by a gap."""
    return re.sub(re.escape(term), GAP, text, flags=re.IGNORECASE)


def opening(text: str, count: int) -> str:
    """The first `count` words of a text: cut at white space, so that its tokens are those of the whole text."""
    return " ".join(text.split()[:count])


def without_words(text: str, hidden: Sequence[str]) -> str:
    """The text with each of some words replaced by a gap, whole words only, ignoring case."""
    for word in sorted(set(hidden), key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", GAP, text, flags=re.IGNORECASE)
    return text
