"""Fact recall: which of the facts that a right answer must contain an answer does contain. Pure text, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CLAUSE = re.compile(r"(?:[.;:!?](?=\s|$))|\n|,\s|\b(?:but|however|although|though|while|whereas|instead)\b", re.I)
_NEGATION = re.compile(r"\b(?:not|never|no|nor|neither|none|nothing|without|cannot)\b|n['’]t\b", re.I)
_DEFAULT = re.compile(r"defaults? (?:value )?(?:to|is|of) (?:the )?([\"']?[\w/:%.-]*[\w%][\"']?)", re.I)
_CODE = re.compile(r"`[^`\n]*`")
_DENIED_NEXT = re.compile(r"[`'’\"]?\s+(?:(?:\w+\s+)?(?:not|never|cannot)\b|\w+n['’]t\b)")


def fact_recall(answer: str, key_terms: Sequence[str], reference: str = "") -> float | None:
    """The share of key terms that the answer states; None where there are no key terms.

    A term counts as a whole word or phrase, case and a plural ending aside. Where the answer only says it under a
    negation that the reference does not have ("is not stored in etcd"), it does not count.
    """
    terms = [term for term in key_terms if term.strip()]
    if not terms:
        return None
    return sum(states(answer, term, reference) for term in terms) / len(terms)


def states(answer: str, term: str, reference: str = "") -> bool:
    """True where the answer says the term, and not only in the negative (unless the reference does that too)."""
    ways = _ways(answer, term)
    if not ways:
        return False
    return False in ways or True in _ways(reference, term)


def _ways(text: str, term: str) -> set[bool]:
    """How a text says a term: contains True for said in the negative, False for said plainly."""
    pattern = _pattern(term)
    plain = _CODE.sub(lambda code: _NEGATION.sub(lambda word: "_" * len(word[0]), code[0]), text)
    return {_negated(clause, match) for clause in _CLAUSE.split(plain) for match in pattern.finditer(clause)}


def _negated(clause: str, match: re.Match[str]) -> bool:
    """A negation before the term in its clause ("not X", "does not ... X") or right behind it ("X is not ...").

    One inside the term is its own; `Never` and `None` in mid-sentence are names of values, as all words in code are.
    """
    head = clause[: match.start()]
    before = any(not _names_a_value(head, found) for found in _NEGATION.finditer(head))
    return before or bool(_DENIED_NEXT.match(clause[match.end():]))


def _names_a_value(clause: str, word: re.Match[str]) -> bool:
    return bool(word[0][0].isupper() and clause[: word.start()].strip())


def _pattern(term: str) -> re.Pattern[str]:
    """The term as whole words, any white space between them, singular and plural alike; an edge that is a sign, as in
    `/apis/`, may touch a word. A default may be stated in other words, with or without quotes."""
    if stated := _DEFAULT.fullmatch(term.strip()):
        value = re.escape(stated[1].strip("\"'"))
        return re.compile(rf"\bdefault(?:s|ed)?\b[^.;,\n]{{0,30}}?(?<!\w){value}(?!\w)|"
                          rf"(?<!\w){value}\W+(?:by|is\s+the)\s+default\b", re.I)
    *first, last = term.split()
    words = [*map(re.escape, first), _any_number(last)]
    start, end = (r"(?<!\w)" if _is_word(term.strip()[0]) else "", r"(?!\w)" if _is_word(term.strip()[-1]) else "")
    return re.compile(start + r"\s+".join(words) + end, re.I)


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _any_number(word: str) -> str:
    """A pattern for a word in singular and plural; words with digits or signs in them are taken as they stand."""
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
