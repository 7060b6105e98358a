"""Choose key terms of a document's passage: code and the rules of `knowledge.key_terms`."""

from __future__ import annotations

import re
from collections import Counter

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain
from knowledge.documents.verb_lexicon import base_form
from knowledge.key_terms import COMMON, MAX_TERMS, key_terms
from knowledge.languages import unspaced_characters
from knowledge.stopwords import is_fact

_WORD = re.compile(r"[^\W\d_][\w-]{4,}")
_CODE = re.compile(r"`([^`]*)`")
_MAX_CODE_LENGTH = 40
_BEHIND_A_VERB = r"(?:the|an?|its|their|any|all|each|every|no|on|up|out|to|that|only|in)\b"
_NO_NOUN = re.compile(r"(?:ed|ing|ly|able|ible|ful|ous|ive|less|er|est)$")
_LARGEST_SHARE = 0.05
"""Of all passages: a word that more of them have belongs to the subject as a whole."""
_MAX_UNSPACED = 6
"""Longest term in a script without blanks: what is longer between two marks is a clause, and no term."""


def passage_key_terms(chunk: Chunk, answer_sentence: str, questions: str, document_counts: Counter[str],
                      passages: int) -> tuple[str, ...]:
    """Up to four facts of the chunk's text, from the answering sentence and not in the questions; empty if none.

    Args:
        chunk: the passage's text.
        answer_sentence: the sentence that answers the questions; empty if there are none.
        questions: the questions and the subject's name, joined.
        document_counts: number of passages that contain each lower-case word.
        passages: number of all passages.
    """
    source = answer_sentence or " ".join(chunk.sentences)
    most = max(COMMON, _LARGEST_SHARE * passages)

    def fits(term: str, chosen: list[str]) -> bool:
        return _is_telling(term, chunk.text) and document_counts[term.lower()] <= most \
            and not _says(questions, term) and not _overlaps(term, chosen)
    chosen: list[str] = []
    for term in [*_code(source), *key_terms(plain(source), "", document_counts)]:
        if len(chosen) < MAX_TERMS and fits(term, chosen):
            chosen.append(term)
    return tuple(chosen or [term for term in _rarest_first(plain(source), document_counts) if fits(term, [])][:1])


def _is_telling(term: str, text: str) -> bool:
    return bool(term) and term in text and unspaced_characters(term) <= _MAX_UNSPACED and is_fact(term, text) \
        and not _acts(term, text)


def _says(questions: str, term: str) -> bool:
    """Whether the questions give a term away: they have it at the beginning of a word; numbers as whole words."""
    start, end = r"(?<!\w)" if term[0].isalnum() else "", r"(?!\w)" if term.isdigit() else ""
    return bool(re.search(f"{start}{re.escape(term.casefold())}{end}", questions.casefold()))


def _overlaps(term: str, chosen: list[str]) -> bool:
    folded = term.casefold()
    return any(folded in old.casefold() or old.casefold() in folded for old in chosen)


def _acts(term: str, text: str) -> bool:
    """Whether a word is the verb of its sentence: one in the third person before an article or the like."""
    return bool(base_form(term.lower())) and bool(re.search(rf"\b{re.escape(term)} {_BEHIND_A_VERB}", text))


def _code(text: str) -> list[str]:
    return [term for found in _CODE.findall(text) if 2 <= len(term := found.strip()) <= _MAX_CODE_LENGTH]


def _rarest_first(text: str, document_counts: Counter[str]) -> list[str]:
    """The words that few other passages have, without participles, adjectives and gerunds."""
    words = [word for word in dict.fromkeys(_WORD.findall(text)) if not _NO_NOUN.search(word)]
    return sorted(words, key=lambda word: (document_counts[word.lower()], -len(word)))
