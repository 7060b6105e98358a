"""Fact recall: the share of a passage's key terms that an answer states. Pure text matching, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.languages import UNSPACED, unspaced_characters

_CLAUSE = re.compile(r"(?:[.;:!?](?=\s|$))|\n|,\s|[\u3002\uff0c\uff1b\uff1a\uff01\uff1f\u3001]|"
                     r"\b(?:but|however|although|though|while|whereas|instead)\b", re.I)
_NEGATION = re.compile(r"\b(?:not|never|no|nor|neither|none|nothing|without|cannot|"
                       r"nicht|kein(?:e[mnrs]?)?|niemals|ohne|jamais|aucune?|sans|nunca|не|нет|никогда|без)\b|n['’]t\b|"
                       r"不|没|未|ません|ない", re.I)
_DEFAULT = re.compile(r"defaults? (?:value )?(?:to|is|of) (?:the )?([\"']?[\w/:%.-]*[\w%][\"']?)", re.I)
# A word that goes on next to a term; a character of a script without blanks is no part of the word beside it.
_NOT_BEHIND, _NOT_BEFORE = rf"(?<![^\W{UNSPACED}])", rf"(?![^\W{UNSPACED}])"
_CODE = re.compile(r"`[^`\n]*`")
_DENIED_NEXT = re.compile(r"[`'’\"]?\s+(?:(?:\w+\s+)?(?:not|never|cannot)\b|\w+n['’]t\b)")


def fact_recall(answer: str, key_terms: Sequence[str], reference: str = "") -> float | None:
    """The share of key terms that the answer states; None where there are no key terms.

    Terms match as whole words or phrases, ignoring case and plural. A term that the answer states only under a
    negation that the reference does not have ("is not stored in etcd") does not count.
    """
    terms = [term for term in key_terms if term.strip()]
    if not terms:
        return None
    return sum(states(answer, term, reference) for term in terms) / len(terms)


def states(answer: str, term: str, reference: str = "") -> bool:
    """True where the answer states the term, and not only negated (unless the reference negates it too)."""
    polarities = _polarities(answer, term)
    if not polarities:
        return False
    return False in polarities or True in _polarities(reference, term)


def _polarities(text: str, term: str) -> set[bool]:
    """Polarities of a term in a text: True where it is negated, False where it is affirmed."""
    pattern = _pattern(term)
    plain = _CODE.sub(lambda code: _NEGATION.sub(lambda word: "_" * len(word[0]), code[0]), text)
    return {_negated(clause, match) for clause in _CLAUSE.split(plain) for match in pattern.finditer(clause)}


def _negated(clause: str, match: re.Match[str]) -> bool:
    """Whether the clause negates the term, before it ("not X", "does not ... X") or directly after it ("X is not ...").

    A negation inside the term is part of it; `Never` and `None` in mid-sentence are values, as are all words in code.
    """
    head = clause[: match.start()]
    before = any(not _names_a_value(head, found) for found in _NEGATION.finditer(head))
    return before or bool(_DENIED_NEXT.match(clause[match.end():]))


def _names_a_value(clause: str, word: re.Match[str]) -> bool:
    return bool(word[0][0].isupper() and clause[: word.start()].strip())


def _pattern(term: str) -> re.Pattern[str]:
    """Regex for the term as whole words with any whitespace between, singular or plural; an edge that is a symbol, as
    in `/apis/`, may touch a word. A default may be worded differently, with or without quotes."""
    if stated := _DEFAULT.fullmatch(term.strip()):
        value = re.escape(stated[1].strip("\"'"))
        return re.compile(rf"\bdefault(?:s|ed)?\b[^.;,\n]{{0,30}}?(?<!\w){value}(?!\w)|"
                          rf"(?<!\w){value}\W+(?:by|is\s+the)\s+default\b", re.I)
    *first, last = term.split()
    words = [*map(re.escape, first), _singular_or_plural(last)]
    start, end = (_NOT_BEHIND if _is_word(term.strip()[0]) else "", _NOT_BEFORE if _is_word(term.strip()[-1]) else "")
    return re.compile(start + r"\s+".join(words) + end, re.I)


def _is_word(character: str) -> bool:
    """Whether a character belongs to a word that ends at a blank; scripts without blanks have no such edge."""
    return (character.isalnum() or character == "_") and not unspaced_characters(character)


def _singular_or_plural(word: str) -> str:
    """Regex for a word in singular and plural; words with digits or symbols match literally."""
    if not word.isalpha() or len(word) < 3:
        return re.escape(word)
    stem = re.escape(word)
    if word.lower().endswith("ies"):
        return rf"(?:{stem}|{re.escape(word[:-3])}y)"
    if word.lower().endswith("y"):
        return rf"(?:{stem}s?|{re.escape(word[:-1])}ies)"
    if word.lower().endswith("s") and not word.lower().endswith("ss"):
        return rf"{re.escape(word[:-1])}s?"
    return rf"{stem}(?:e?s)?"
