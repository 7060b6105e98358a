"""Choose key terms of a document's passage: code and the rules of `knowledge.key_terms`, with a fallback."""

from __future__ import annotations

import re
from collections import Counter

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain
from knowledge.key_terms import MAX_TERMS, key_terms

_WORD = re.compile(r"[^\W\d_][\w-]{4,}")
_CODE = re.compile(r"`([^`]*)`")
_MAX_CODE_LENGTH = 40


def passage_key_terms(chunk: Chunk, answer_sentence: str, questions: str,
                      document_counts: Counter[str]) -> tuple[str, ...]:
    """One to four substrings of the chunk's text, from the answering sentence and not in the questions.

    Args:
        chunk: the passage's text.
        answer_sentence: the sentence that answers the questions; empty if there are none.
        questions: the questions, joined.
        document_counts: number of passages that contain each lower-case word.
    """
    source = answer_sentence or " ".join(chunk.sentences)
    chosen: list[str] = []
    for term in [*_code(source), *key_terms(plain(source), questions, document_counts)]:
        if term and _new(term, questions, chosen) and term in chunk.text:
            chosen.append(term)
    longest = _longest(plain(source)) or _longest(chunk.text) or [chunk.text.split()[0]]
    return tuple(chosen[:MAX_TERMS] or [term for term in longest if _new(term, questions, [])][:2] or longest[:1])


def _new(term: str, questions: str, chosen: list[str]) -> bool:
    folded = term.casefold()
    return folded not in questions.casefold() and not any(
        folded in old.casefold() or old.casefold() in folded for old in chosen)


def _code(text: str) -> list[str]:
    return [term for found in _CODE.findall(text) if 2 <= len(term := found.strip()) <= _MAX_CODE_LENGTH]


def _longest(text: str) -> list[str]:
    """Words by descending length: the fallback if no word distinguishes the passage."""
    return sorted(dict.fromkeys(_WORD.findall(text)), key=len, reverse=True)
