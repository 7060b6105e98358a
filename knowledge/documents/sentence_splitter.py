"""Split text into sentences and recognize prose. Language-independent except for English abbreviations."""

from __future__ import annotations

import re

from knowledge.documents.document import plain

_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|eg|ie|ex|etc|vs|cf|al|approx|resp|incl|Dr|Mr|Mrs|Ms|Fig|Sec|Ch|No|Vol|"
                          r"pp|Inc|Ltd|Corp|St|ca|[A-Z])|\.\.)\.[\"')\]]*$")
_END = re.compile(r"[.!?。！？][\"')\]”’]*(?=\s+\S|$)")
_ENDED = re.compile(r"[.!?。！？][\"')\]”’]*$")
_WORD = re.compile(r"[^\W\d_]{2,}")
# A sentence that refers to something outside a passage: a figure, a list, an example.
_OUTSIDE_REFERENCE = re.compile(
    r"\b(?:as follows|following (?:example|code|table|figure|command|list|snippet|output|diagram|"
    r"sections?|image|screenshot)|(?:example|code|table|figure|diagram|snippet|output) (?:above|"
    r"below)|(?:below|above) (?:example|code|table|figure|diagram|snippet)|shown (?:above|below|"
    r"here)|(?:see|listed|described|discussed|explained) (?:also|above|below)|"
    r"(?:this|next|previous) (?:chapter|tutorial|guide|page|article|section|document)|"
    r"(?:listing|figure|fig\.|table|chapter|exercise) [\dA-Z]+[-.\d]*|we(?:'|\u2019)(?:ll|ve|d|re)|"
    r"let(?:'|\u2019)s|we (?:want|will|need|had|saw|see|discuss\w*|started|added|wrote|used|get|"
    r"have)|click here|table of contents|all rights reserved|copyright ©?)", re.I)
_SEE = re.compile(r"^(?:which|whose|and|or|but|where|that|will|is|are|was|can) |"
                  r"^\(?(?:please |for\b.*?\b|also )?(?:see|refer to|check out|"
                  r"visit|consult)\b|^(?:(?:more|further) (?:information|details)|learn more|read more|an example|"
                  r"example|here is|here are|here's|let's|we'll|thanks|for more|for (?:example|instance)\b.*:$)", re.I)
_NOT_PROSE = re.compile(r"https?://\S+|[{}|\\]{1}|[=<>]{2,}|-->|\ufffd|\$\(|;\s*$|={2,}")


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; text after the last full stop is the last one."""
    found, start = [], 0
    for end in _END.finditer(text):
        sentence = text[start:end.end()]
        if not _ABBREVIATED.search(sentence) and sentence.count("`") % 2 == 0 and _may_begin(text[end.end():].lstrip()):
            found.append(sentence.strip())
            start = end.end()
    return [*found, *([rest] if (rest := text[start:].strip()) else [])]


def is_prose(sentence: str) -> bool:
    """Whether a sentence is complete, consists mostly of words, and refers to nothing outside the passage."""
    bare = re.sub(r"`[^`]*`", " code ", sentence)
    words = bare.split()
    written = sum(bool(_WORD.search(word)) for word in words)
    return (len(words) >= 4 and bool(_ENDED.search(sentence)) and not sentence.endswith("?")
            and written >= 0.7 * len(words) and sum(char.isalpha() for char in bare) >= 0.65 * len(bare)
            and sentence.count("(") == sentence.count(")") and not _NOT_PROSE.search(bare)
            and not _OUTSIDE_REFERENCE.search(bare) and not _SEE.search(plain(sentence))
            and bare.count("code") <= len(words) / 2)


def word_count(text: str) -> int:
    """Number of words; a character of a script without spaces counts as half a word."""
    unspaced = len(re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]", text))
    return len(text.split()) + unspaced // 2


def _may_begin(rest: str) -> bool:
    return not rest or rest[0] not in ",;:)]"
