"""Fact recall: the share of a passage's key terms that an answer states. Pure text matching, no model."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from knowledge.languages import UNSPACED, unspaced_characters

_CLAUSE = re.compile(r"(?:[.;:!?](?=\s|$))|\n|,\s|[\u3002\uff0c\uff1b\uff1a\uff01\uff1f\u3001]|"
                     r"\b(?:but|however|although|though|while|whereas|instead)\b", re.I)
# A word beside `-`, `_`, `=` or `/` is part of an option, a path or a name ("--no-verify", "not-ready"), and denies
# nothing.
_NEGATION = re.compile(r"(?<![-_=/])\b(?:not|never|no|nor|neither|none|nothing|without|cannot|"
                       r"nicht|kein(?:e[mnrs]?)?|niemals|ohne|jamais|aucune?|sans|nunca|не|нет|никогда|без)\b"
                       r"(?![-_=/]\w)|n['’]t\b|不|没|未|ません|ない", re.I)
_DEFAULT = re.compile(r"defaults? (?:value )?(?:to|is|of) (?:the )?([\"']?[\w/:%.-]*[\w%][\"']?)", re.I)
# A word that goes on next to a term; a character of a script without blanks is no part of the word beside it. With case
# ignored, compiling these ranges takes 3 ms: every character of them is looked up.
_NOT_BEHIND, _NOT_BEFORE = rf"(?-i:(?<![^\W{UNSPACED}]))", rf"(?-i:(?![^\W{UNSPACED}]))"
_KOREAN_PARTICLE = r"(?:에서는|에서|으로|에게|까지|부터|보다|은|는|이|가|을|를|에|의|로|과|와|도|만)?"
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
# Between the words of a term there may be code marks: "`kubectl` `get pods`".
_BETWEEN = r"[`*]{0,2}\s+[`*]{0,2}"
_BLANK_BEFORE_UNIT = re.compile(rf"(?<=\d)(?=[{UNSPACED}\uac00-\ud7af])")
_DENIED_NEXT = re.compile(r"[`'’\"]?\s+(?:(?:\w+\s+)?(?:not|never|cannot)\b|\w+n['’]t\b)")


def fact_recall(answer: str, key_terms: Sequence[str], reference: str = "") -> float | None:
    """The share of key terms that the answer states; None where there are no key terms.

    Terms match as whole words or phrases, ignoring case, plural and code marks. A term that the answer states only
    under a negation that the reference does not have ("is not stored in etcd") does not count.
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
    """Polarities of a term in a text: True where it is negated, False where it is affirmed.

    Code is one word: its full stops, colons and commas end no clause, and its words deny nothing.
    """
    prose = _CODE.sub(lambda code: "_" * len(code[0]), text)
    clause_ends = [(end.start(), end.end()) for end in _CLAUSE.finditer(prose)]
    found = set()
    for match in _pattern(term).finditer(text):
        start = max((end for _, end in clause_ends if end <= match.start()), default=0)
        stop = min((begin for begin, _ in clause_ends if begin >= match.end()), default=len(text))
        found.add(_negated(prose[start:match.start()], text[match.end():stop]))
    return found


def _negated(head: str, tail: str) -> bool:
    """Whether the clause negates the term, before it ("not X", "does not ... X") or directly after it ("X is not ...").

    A negation inside the term is part of it; `Never` and `None` in mid-sentence are values.

    Args:
        head: the clause up to the term, its code replaced.
        tail: the clause behind the term.
    """
    before = any(not _names_a_value(head, found) for found in _NEGATION.finditer(head))
    return before or bool(_DENIED_NEXT.match(tail))


def _names_a_value(clause: str, word: re.Match[str]) -> bool:
    return bool(word[0][0].isupper() and clause[: word.start()].strip())


@functools.lru_cache(4096)
def _pattern(term: str) -> re.Pattern[str]:
    """Regex for the term as whole words with any whitespace between, singular or plural; an edge that is a symbol, as
    in `/apis/`, may touch a word. A default may be worded differently, with or without quotes."""
    if stated := _DEFAULT.fullmatch(term.strip()):
        value = re.escape(stated[1].strip("\"'"))
        return re.compile(rf"\bdefault(?:s|ed)?\b[^.;,\n]{{0,30}}?(?<!\w){value}(?!\w)|"
                          rf"(?<!\w){value}\W+(?:by|is\s+the)\s+default\b", re.I)
    *first, last = term.replace("`", " ").split() or [term]
    words = [_BLANK_BEFORE_UNIT.sub(r"\\s?", word) for word in (*map(re.escape, first), _singular_or_plural(last))]
    start, end = (_NOT_BEHIND if _is_word((*first, last)[0][0]) else "", _end_of(last))
    return re.compile(start + _BETWEEN.join(words) + end, re.I)


def _end_of(word: str) -> str:
    """Regex for what may follow a term: no letter of the same word, but a particle behind a Korean one."""
    if not _is_word(word[-1]):
        return ""
    return (_KOREAN_PARTICLE if "\uac00" <= word[-1] <= "\ud7af" else "") + _NOT_BEFORE


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
