"""Validate a reference answer: not empty, no refusal, supported by its passage. Pure."""

from __future__ import annotations

import re

from knowledge.languages import UNSPACED
from knowledge.near_duplicate_questions import is_near_duplicate
from knowledge.passages import Passage
from runner.teacher.refusals import refusal_in

MIN_SHARED_WORDS = 0.4
"""Minimal share (0..1) of an answer's words that occur in passage or question; correct paraphrases reach 0.5."""

_WORD = re.compile(rf"(?!\d)(?![{UNSPACED}])\w(?:(?![{UNSPACED}])[\w./-])*(?![{UNSPACED}])\w|\d+(?:\.\d+)*")
_PAIR_WITHOUT_BLANK = re.compile(rf"(?=([{UNSPACED}]{{2}}))")
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.-])\d+(?:\.\d+)?(?![A-Za-z0-9_-])")
_HAN_NUMBER = re.compile("[一二三四五六七八九十]+")
_HAN_DIGITS = {digit: value for value, digit in enumerate("一二三四五六七八九", 1)}
_LIST_MARK = re.compile(r"(?:^|\s)\(?\d{1,2}[.)](?=\s)")
_STOP_WORDS = frozenset("""a an and any are as at be because been but by can does each for from has have how if in into
is it its may more no not of on only or other out over so such than that the their them then there these they this those
to under until up used uses using was were what when where which while who will with without would you
your""".split())  # noqa: SIM905  (read as words)


def reference_rejection(answer: str, question: str, passage: Passage) -> str | None:
    """Why an answer is rejected as a reference; None when it is accepted."""
    if not re.search(r"\w", answer):
        return "the answer is empty"
    if refusal := refusal_in(answer):
        return f"the answer is a refusal ({refusal!r})"
    if is_near_duplicate(answer, question):
        return "the answer repeats the question"
    words, source = _content(answer), _content(passage.text)
    known = source | _content(question) | _content(passage.title)
    if not words & source:
        return "the answer shares no word with its passage"
    if len(words & known) < MIN_SHARED_WORDS * len(words):
        return f"only {len(words & known)} of the answer's {len(words)} words are those of its passage or question"
    return _unsupported_number(answer, f"{question} {passage.title} {passage.text}")


def _unsupported_number(answer: str, source: str) -> str | None:
    """A number in the answer that its source does not have: the surest sign of a hallucination."""
    known = set(re.findall(r"\d+(?:\.\d+)?", source)) | set(map(_han_value, _HAN_NUMBER.findall(source)))
    unsupported = [number for number in _NUMBER.findall(_LIST_MARK.sub(" ", answer)) if number not in known]
    return f"the answer states {unsupported[0]}, which its passage does not" if unsupported else None


def _han_value(number: str) -> str:
    """A number up to 99 in Han characters, in digits."""
    tens, ten, ones = number.rpartition("十")
    return str((_HAN_DIGITS.get(tens, 1) * 10 if ten else 0) + _HAN_DIGITS.get(ones, 0))


def _content(text: str) -> frozenset[str]:
    """Content words, crudely stemmed so that plural and tense do not count; pairs of characters where words have no
    blanks between them."""
    words = (word.casefold() for word in _WORD.findall(text))
    stems = (re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word
             for word in words if word not in _STOP_WORDS)
    return frozenset(_PAIR_WITHOUT_BLANK.findall(text)).union(stems)
