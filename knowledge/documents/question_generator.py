"""Writes the questions that the offline teacher asks about a folder's passages; no two passages share one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain, tidy
from knowledge.documents.question_templates import QuestionDraft, draft_questions
from knowledge.documents.subject_phrases import PageContext, page_context
from knowledge.near_duplicates import NearDuplicateIndex, is_near_duplicate, normalize
from knowledge.passages import Passage
from knowledge.questions import validation_errors

# The share of such words below which a sentence is hardly English, and these rules do not ask about it.
_ENGLISH = frozenset(re.findall(r"\S+", """
the a an of to in is are and or for with be by on that it as from can you this not if when use used every each all
will must has have its at one which no any
"""))
_ENGLISH_SHARE = 0.15
_NAME = re.compile(r"`([^`]*)`|(?<=[a-z,] )((?:[A-Z][\w-]+ ){1,3}[A-Z][\w-]+)")
# Code that names a thing: no assignment, no call with arguments, no line of a program.
_NAMES_A_THING = re.compile(r"[$@.-]{0,2}[\w][\w./:@-]*(?: [\w./@-]+){0,2}(?:\(\))?")
_FALLBACK_RANK = 8


@dataclass(frozen=True)
class GeneratedQuestions:
    """A passage's questions, and the sentence of it that answers them; both empty where none could be built."""

    questions: tuple[str, ...] = ()
    sentence: str = ""


class QuestionGenerator:
    """Remembers what it has asked, so that every question leads to one passage."""

    def __init__(self, project: str, known_lower: Collection[str] = frozenset()) -> None:
        """`project` is what the whole folder is about; `known_lower` the words seen in small letters."""
        self._project = project
        self._known_lower = known_lower
        self._asked = NearDuplicateIndex()

    def ask(self, part: Chunk, passage: Passage) -> GeneratedQuestions:
        """Two questions with one answer, in different words, new to this folder; none where no good ones are found."""
        here = page_context(part, self._project)
        for sentence, draft in _ranked(part, here, self._known_lower):
            pair = (_finished(draft.first), _finished(draft.second))
            if self._is_new(pair) and not any(validation_errors(text, plain(sentence), passage) for text in pair):
                for text in pair:
                    self._asked.add(text)
                return GeneratedQuestions(pair, sentence)
        return GeneratedQuestions()

    def _is_new(self, pair: tuple[str, str]) -> bool:
        return not is_near_duplicate(*pair) and all(self._asked.twin_of(text) is None for text in pair)


def _ranked(part: Chunk, here: PageContext, known_lower: Collection[str]) -> list[tuple[str, QuestionDraft]]:
    """All drafts of a part's sentences with what they rest on: the best form first, then the earliest sentence."""
    found: list[tuple[str, QuestionDraft, int]] = []
    for place, sentence in enumerate(part.sentences):
        if _is_english(sentence):
            there = replace(here, opens=here.opens and not place)
            built = (*draft_questions(sentence, there, known_lower), *_of_names(sentence, here, known_lower))
            found += [(sentence, draft, place) for draft in built]
    return [(sentence, draft) for sentence, draft, _ in sorted(found, key=lambda entry: (entry[1].rank, entry[2]))]


def _of_names(sentence: str, here: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """Where no form fits: what a name that the sentence holds has to do with the heading."""
    for found in _NAME.finditer(sentence):
        bare = (found[1] or found[2] or "").strip()
        name = f"`{bare}`" if found[1] else bare
        telling = (_NAMES_A_THING.fullmatch(bare) and re.search(r"[^\W\d_]{3}", bare)
                   and len(bare) <= 40 and bare not in known_lower)
        if telling and normalize(bare.replace("-", " ")) not in normalize(here.context.replace("-", " ")):
            yield QuestionDraft(_FALLBACK_RANK, f"What role does {name} play in {here.context}?",
                                f"Why does {name} matter to somebody who deals with {here.context}?")


def _is_english(sentence: str) -> bool:
    words = re.findall(r"[^\W\d_]+", sentence.casefold())
    return sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)


def _finished(question: str) -> str:
    """As it is asked: no backticks, one space between words, a capital at its beginning."""
    text = tidy(plain(question))
    return text[:1].upper() + text[1:]
