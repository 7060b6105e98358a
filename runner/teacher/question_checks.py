"""Validate a question whose evidence was picked and not quoted: nothing else ties it to its passage. Pure."""

from __future__ import annotations

import re

from knowledge.languages import UNSPACED
from knowledge.near_duplicate_questions import is_near_duplicate, normalize
from knowledge.passages import Passage
from runner.teacher.reply_parsing import Draft

MIN_SHARED_WORDS = 0.3
"""Minimal share (0..1) of a question's words that occur in its passage or title."""
_SHOWN = re.compile(r"\b(?:this|that|these|the|above) (?:fact|sentence|statement)s?\b|\bsentence (?:number )?\d", re.I)
_WORD = re.compile(r"\w{3,}")
_PAIR_WITHOUT_BLANKS = re.compile(rf"(?=([{UNSPACED}]{{2}}))")
_UNSPECIFIC = frozenset(_WORD.findall("""
the and for are was were what which when where why how who does did can could should would will may must has have had
not this that with from into its their there than then them you your used use name fact about
"""))


def unsupported(draft: Draft, passage: Passage) -> list[str]:
    """Reasons why a question does not belong to its evidence; empty if it does."""
    found = []
    if shown := _SHOWN.search(draft.text):
        found.append(f"leans on a text the reader does not see: {shown[0]!r}")
    if draft.evidence and (normalize(draft.evidence) in normalize(draft.text)
                           or is_near_duplicate(draft.text, draft.evidence)):
        found.append("repeats its evidence, and so holds its own answer")
    words = _words(draft.text)
    if len(words & _words(f"{passage.title} {passage.text}")) < max(1, MIN_SHARED_WORDS * len(words)):
        found.append("shares too few words with its passage")
    return found


def _words(text: str) -> frozenset[str]:
    """Words that can tie a question to a passage, without the endings of number and tense."""
    return frozenset(re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word
                     for word in _WORD.findall(text.casefold()) if word not in _UNSPECIFIC) | \
        frozenset(_PAIR_WITHOUT_BLANKS.findall(text))
