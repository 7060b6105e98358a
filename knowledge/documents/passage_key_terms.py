"""Choose key terms of a document's passage: code, and the rules of `knowledge.key_terms` or of another language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain
from knowledge.documents.verb_lexicon import base_form
from knowledge.key_terms import COMMON, MAX_TERMS, key_terms, word_counts
from knowledge.languages import is_another_language
from knowledge.other_language_terms import candidate_terms, other_language_key_terms
from knowledge.stopwords import is_fact

_WORD = re.compile(r"[^\W\d_][\w-]{4,}")
_CODE = re.compile(r"`([^`]*)`")
_MAX_CODE_LENGTH = 40
_BEHIND_A_VERB = r"(?:the|an?|its|their|any|all|each|every|no|on|up|out|to|that|only|in)\b"
_NO_NOUN = re.compile(r"(?:ed|ing|ly|able|ible|ful|ous|ive|less|er|est)$")
_LARGEST_SHARE = 0.05
"""Of all passages: a word that more of them have belongs to the subject as a whole."""
_BROKEN = r"[^\W\d_a-zA-Z]"
"""A letter beyond a to z: beside a term of a to z, the term is part of a word that the rules for English cut."""


def term_counts(texts: Sequence[str]) -> Counter[str]:
    """Number of texts that contain each word that may be a key term, in lower case."""
    return Counter(term for text in texts for term in word_counts([text]).keys() | _terms_of_another_language(text))


def _terms_of_another_language(text: str) -> set[str]:
    return {term.lower() for found in candidate_terms(text) for term in found} if is_another_language(text) else set()


def passage_key_terms(chunk: Chunk, answer_sentence: str, questions: str, document_counts: Counter[str],
                      passages: int) -> tuple[str, ...]:
    """Up to four facts of the chunk's text, from the answering sentence and not in the questions; empty if none.

    Args:
        chunk: the passage's text.
        answer_sentence: the sentence that answers the questions; empty if there are none.
        questions: the questions and the subject's name, joined.
        document_counts: number of passages that contain each lower-case word (`term_counts`).
        passages: number of all passages.
    """
    source = answer_sentence or " ".join(chunk.sentences)
    most = max(COMMON, _LARGEST_SHARE * passages)

    def fits(term: str, chosen: list[str]) -> bool:
        return _is_telling(term, chunk.text) and document_counts[term.lower()] <= most \
            and not _says(questions, term) and not _overlaps(term, chosen)
    if is_another_language(chunk.text):
        return other_language_key_terms(plain(source), questions, document_counts, _code(source))
    chosen: list[str] = []
    for term in [*_code(source), *key_terms(plain(source), "", document_counts)]:
        if len(chosen) < MAX_TERMS and fits(term, chosen):
            chosen.append(term)
    return tuple(chosen or [term for term in _rarest_first(plain(source), document_counts) if fits(term, [])][:1])


def _is_telling(term: str, text: str) -> bool:
    return bool(term) and term in text and is_fact(term, text) and not _acts(term, text) \
        and not re.search(rf"{_BROKEN}{re.escape(term)}|{re.escape(term)}{_BROKEN}", text)


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
