"""Choose key terms of a document's passage: code and the rules of `knowledge.key_terms`."""

from __future__ import annotations

import re
from collections import Counter

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain
from knowledge.key_terms import MAX_TERMS, key_terms
from knowledge.languages import unspaced_characters
from knowledge.plain_words import is_fact

_WORD = re.compile(r"[^\W\d_][\w-]{4,}")
_CODE = re.compile(r"`([^`]*)`")
_MAX_CODE_LENGTH = 40
_MAX_UNSPACED = 6
"""Longest term in a script without blanks: what is longer between two marks is a clause, and no term."""


def passage_key_terms(chunk: Chunk, answer_sentence: str, questions: str,
                      document_counts: Counter[str]) -> tuple[str, ...]:
    """Up to four facts of the chunk's text, from the answering sentence and not in the questions; empty if none.

    Args:
        chunk: the passage's text.
        answer_sentence: the sentence that answers the questions; empty if there are none.
        questions: the questions, joined.
        document_counts: number of passages that contain each lower-case word.
    """
    source = answer_sentence or " ".join(chunk.sentences)
    chosen: list[str] = []
    for term in [*_code(source), *key_terms(plain(source), questions, document_counts)]:
        if term and unspaced_characters(term) <= _MAX_UNSPACED and term in chunk.text and is_fact(term, chunk.text) \
                and _new(term, questions, chosen):
            chosen.append(term)
    return tuple(chosen[:MAX_TERMS] or [term for term in _longest(plain(source)) if is_fact(term, chunk.text)
                                        and _new(term, questions, [])][:1])


def _new(term: str, questions: str, chosen: list[str]) -> bool:
    folded = term.casefold()
    return folded not in questions.casefold() and not any(
        folded in old.casefold() or old.casefold() in folded for old in chosen)


def _code(text: str) -> list[str]:
    return [term for found in _CODE.findall(text) if 2 <= len(term := found.strip()) <= _MAX_CODE_LENGTH]


def _longest(text: str) -> list[str]:
    """Words by descending length, without participles and gerunds: used where no word distinguishes the passage."""
    words = [word for word in _WORD.findall(text) if not word.endswith(("ed", "ing"))]
    words = [word for word in words if unspaced_characters(word) <= _MAX_UNSPACED]
    return sorted(dict.fromkeys(words), key=len, reverse=True)
