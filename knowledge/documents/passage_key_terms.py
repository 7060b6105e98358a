"""Which words of a folder's passage a right answer must contain. Knows no subject; the rules are `key_terms`'s."""

from __future__ import annotations

import re
from collections import Counter

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain
from knowledge.key_terms import MAX_TERMS, key_terms

_WORD = re.compile(r"[^\W\d_][\w-]{4,}")
_CODE = re.compile(r"`([^`]*)`")
_MAX_CODE_LENGTH = 40


def passage_key_terms(part: Chunk, asked_about: str, questions: str, rarity: Counter[str]) -> tuple[str, ...]:
    """One to four substrings of the part's text, from the sentence asked about and not in the questions.

    Args:
        asked_about: the sentence that answers the questions; empty where there are none.
        rarity: in how many passages each lower-case word occurs.
    """
    said = asked_about or " ".join(part.sentences)
    chosen: list[str] = []
    for term in [*_code(said), *key_terms(plain(said), questions, rarity)]:
        if term and _new(term, questions, chosen) and term in part.text:
            chosen.append(term)
    longest = _longest(plain(said)) or _longest(part.text) or [part.text.split()[0]]
    return tuple(chosen[:MAX_TERMS] or [term for term in longest if _new(term, questions, [])][:2] or longest[:1])


def _new(term: str, questions: str, chosen: list[str]) -> bool:
    folded = term.casefold()
    return folded not in questions.casefold() and not any(
        folded in old.casefold() or old.casefold() in folded for old in chosen)


def _code(said: str) -> list[str]:
    return [term for found in _CODE.findall(said) if 2 <= len(term := found.strip()) <= _MAX_CODE_LENGTH]


def _longest(text: str) -> list[str]:
    """Its words, the longest first: what is left where no word tells the passage from others."""
    return sorted(dict.fromkeys(_WORD.findall(text)), key=len, reverse=True)
