"""Check a fact that a teacher wrote: it names its subject, states key terms of its passage, and invents nothing. Pure.

A fact that fails is refused as a whole; of an accepted fact, each paraphrase and question is checked by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from knowledge.languages import QUESTION_MARKS, UNSPACED
from knowledge.near_duplicate_questions import normalize
from knowledge.passages import Passage
from knowledge.study import QuestionAnswer, WrittenFact
from runner.teacher.fact_prompts import FactDraft
from runner.teacher.reference_checks import reference_rejection

_PRONOUN = re.compile(r"\A(?:it|its|this|that|these|those|they|their|he|she)\b", re.I)
_SHOWN = re.compile(r"\bthe (?:passage|text|heading)\b|\bkey terms?\b", re.I)
_WORD = re.compile(r"\w{3,}")
_PAIR_WITHOUT_BLANK = re.compile(rf"(?=([{UNSPACED}]{{2}}))")

Refuse = Callable[[str, str], None]
"""Takes a refused text and the reason."""


def checked_fact(draft: FactDraft, passage: Passage, refuse: Refuse) -> WrittenFact | None:
    """The fact with what passed its checks; None if the fact itself did not.

    Args:
        refuse: called for every text that failed.
    """
    terms = _terms_in(draft.statement, passage.key_terms)
    if reason := _statement_fault(draft.statement, passage, terms):
        refuse(draft.statement, reason)
        return None
    said = {normalize(draft.statement)}
    paraphrases = []
    for text in draft.paraphrases:
        if reason := _paraphrase_fault(text, passage, terms, said):
            refuse(text, reason)
        else:
            said.add(normalize(text))
            paraphrases.append(text)
    return WrittenFact(draft.statement, tuple(paraphrases),
                       _checked_pairs(draft.questions, lambda q, a: _question_fault(q, a, passage, terms), refuse),
                       _checked_pairs(draft.reverse, lambda q, a: _reverse_fault(q, a, passage, terms), refuse), terms)


def _statement_fault(text: str, passage: Passage, terms: tuple[str, ...]) -> str | None:
    if _PRONOUN.search(text) or not _words(text) & _words(f"{passage.title} {passage.topic}"):
        return "the fact does not name its subject"
    if passage.key_terms and not terms:
        return "the fact states no key term of its passage"
    return _text_fault(text, passage)


def _paraphrase_fault(text: str, passage: Passage, terms: tuple[str, ...], said: set[str]) -> str | None:
    if missing := _missing_from(text, terms):
        return f"the paraphrase lacks the key term {missing!r}"
    if normalize(text) in said:
        return "the paraphrase repeats another wording"
    if _PRONOUN.search(text):
        return "the paraphrase does not name its subject"
    return _text_fault(text, passage)


def _question_fault(question: str, answer: str, passage: Passage, terms: tuple[str, ...]) -> str | None:
    if fault := _pair_fault(question, answer):
        return fault
    if terms and not _terms_in(answer, terms):
        return "the answer states no key term of its fact"
    if normalize(answer) in normalize(question):
        return "the question holds its own answer"
    return reference_rejection(answer, question, passage)


def _reverse_fault(question: str, answer: str, passage: Passage, terms: tuple[str, ...]) -> str | None:
    if fault := _pair_fault(question, answer):
        return fault
    if terms and not _terms_in(question, terms):
        return "the backward question gives no key term of its fact"
    if not _words(answer) & _words(f"{passage.title} {passage.topic}"):
        return "the answer of the backward question does not name the subject"
    return "the question holds its own answer" if normalize(answer) in normalize(question) else None


def _pair_fault(question: str, answer: str) -> str | None:
    if not question.endswith(tuple(QUESTION_MARKS)):
        return "the question does not end in a question mark"
    if not re.search(r"\w", answer):
        return "the answer is empty"
    return "the question mentions the passage" if _SHOWN.search(question) else None


def _text_fault(text: str, passage: Passage) -> str | None:
    if _SHOWN.search(text):
        return "the text mentions the passage"
    return reference_rejection(text, passage.title, passage)


def _checked_pairs(pairs: tuple[tuple[str, str], ...], fault: Callable[[str, str], str | None],
                   refuse: Refuse) -> tuple[QuestionAnswer, ...]:
    kept = []
    for question, answer in pairs:
        if reason := fault(question, answer):
            refuse(f"{question} {answer}".strip(), reason)
        else:
            kept.append(QuestionAnswer(question, answer))
    return tuple(kept)


def _terms_in(text: str, terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(term for term in terms if term.casefold() in text.casefold())


def _missing_from(text: str, terms: tuple[str, ...]) -> str | None:
    return next((term for term in terms if term.casefold() not in text.casefold()), None)


def _words(text: str) -> frozenset[str]:
    """Words of three letters or more without the endings of number and tense; pairs of characters where words have no
    blanks between them."""
    return frozenset(re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word
                     for word in _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold())) | \
        frozenset(_PAIR_WITHOUT_BLANK.findall(text))
