"""Split text into sentences and recognize prose, in any script; abbreviations are those of some languages."""

from __future__ import annotations

import re
from collections.abc import Callable

from knowledge.documents.document import plain
from knowledge.languages import (
    QUESTION_MARKS, STOPS, STOPS_WITHOUT_BLANK, letters, needs_no_stop, unspaced_characters, word_count,
)

__all__ = ["is_prose", "prose_fault", "sentences", "word_count"]

_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|eg|ie|ex|etc|vs|cf|al|approx|resp|incl|Dr|Mr|Mrs|Ms|Fig|Sec|Ch|No|Vol|"
    r"pp|Inc|Ltd|Corp|St|ca|[A-Z]|"
    r"z\.\s?B|d\.\s?h|u\.\s?a|o\.\s?ä|i\.\s?d\.\s?R|bzw|usw|vgl|Nr|Abb|Tab|Kap|evtl|ggf|inkl|max|min|Std|Mio|Mrd|"
    r"p\.\s?ex|M|Mme|env|p\.\s?ej|Sr|Sra|núm|aprox|т\.\s?е|т\.\s?д|т\.\s?п|т\.\s?к|рис|табл|см|стр|г|гг|тыс|млн|"
    r"z|d|u|p|т|и т)|\.\.)\.[\"')\]]*$")
_INITIAL = re.compile(r"[^\W\d_]\.$")
# An ordinal number, as German writes it: what follows is a month, or begins with a small letter.
_ORDINAL = re.compile(r"(?<![\w.])\d{1,3}\.$")
_BEFORE_ORDINAL = re.compile(r"\b(?:der|die|das|den|dem|des|im|am|vom|zum|zur|beim|ab|bis|jede[rmns]?|diese[rmns]?|"
                             r"(?:ihre|seine|unsere)[rmns]?) \d{1,3}\.$")
_AFTER_ORDINAL = re.compile(r"(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
                            r"Jahrhundert|Jänner)\b")
_CLOSING = r"[\"')\]”’»」』）】]*"
_END = re.compile(rf"[{STOPS_WITHOUT_BLANK}]{_CLOSING}|[{STOPS}]{_CLOSING}(?=\s+\S|$)")
_ENDED = re.compile(rf"[{STOPS}]{_CLOSING}$")
# A sentence that refers to something outside a passage: a figure, a list, an example. `This section` of a thing that is
# no text, such as a pipe, is not outside.
_OUTSIDE_REFERENCE = re.compile(
    r"\b(?:as follows|following (?:example|code|table|figure|command|list|snippet|output|diagram|"
    r"sections?|image|screenshot)|(?:example|code|table|figure|diagram|snippet|output) (?:above|"
    r"below)(?! (?:\d[\d.,%]*|the|an?|its|their|this|that|these|those|one|two|zero|which|what|all|any|each|every|it)"
    r"\b)|"
    r"(?:below|above) (?:example|code|table|figure|diagram|snippet)|shown (?:above|below|"
    r"here)|(?:see|listed|described|discussed|explained) (?:also|above|below)|"
    r"(?:this|next|previous) (?:chapter|tutorial|guide|article)|this (?:page|section|document)\b(?! of (?:the|an?|its) "
    r"(?!manual|guide|document|book|tutorial|reference|handbook|page|chapter|documentation|text|specification))|"
    r"(?:next|previous) (?:page|section|document)(?=[.,;:)]|$| (?:shows|explains|describes|covers|discusses|we|you)\b)|"
    r"(?:listing|figure|fig\.|table|chapter|exercise) (?-i:\d[\w.-]*|[A-Z](?:[-.]?\d[\w.-]*|\b(?![-\w])))|"
    r"we(?:'|\u2019)(?:ll|ve|d|re)|"
    r"let(?:'|\u2019)s|we (?:want|will|need|had|saw|see|discuss\w*|started|added|wrote|used|get|"
    r"have)|click here|table of contents|all rights reserved|copyright (?:©|\(c\)|\d{4}))", re.I)
# The same in other languages: only what names a figure, a table or a place in the text.
_OUTSIDE_REFERENCE_ELSEWHERE = re.compile(
    r"\b(?:(?:die|der|den) (?:folgende[n]?|nachstehende[n]?|obige[n]?) "
    r"(?:Tabelle|Abbildung|Grafik|Liste|Übersicht|Befehle?)|"
    r"(?:Tabelle|Abbildung|Abb\.|Tab\.|Kapitel|Abschnitt) \d|siehe (?:oben|unten|auch)|"
    r"(?:in )?diese[rmns]? (?:Kapitel|Abschnitt|Dokument|Seite)\b|"
    r"(?:le|la) (?:tableau|figure|liste) (?:suivante?|ci-dessous|ci-dessus)|"
    r"(?:figure|tableau|chapitre) \d|voir (?:ci-|aussi)|"
    r"(?:la|el) (?:siguiente )?(?:tabla|figura|lista) (?:siguiente|anterior)|(?:figura|tabla|capítulo) \d|véase|"
    r"(?:рис(?:унок|\.)|табл(?:ица|\.)|глав[аеу]) \d|"
    r"(?:следующ|приведенн)\w+ (?:таблиц|рисун)\w+|см\. (?:рис|табл|раздел))|"
    r"(?:如|见|参见)?(?:下图|上图|下表|上表)|(?:如|见|参见)(?:图|表)\s?[\d一二三四五六七八九十所]|(?:图|表|第)\s?\d+(?:\.\d+)?(?:所示|章|节)|"
    r"(?:次|以下|上|下)の(?:図|表)|(?<!代)(?:図|表)\s?\d+(?![人名])|第\s?\d+(?:章|節)|"
    r"(?:다음|아래|위의?) (?:표|그림)|(?:그림|표) \d", re.I)
_SEE = re.compile(r"^(?-i:(?:which|whose|where|that|will|is|are|was|can) )|^(?:and|or|but) |"
                  r"^\(?(?:please |for [^.]*?, |also )?"
                  r"(?:see|refer to|check out|visit|consult) |"
                  r"^(?:(?:more|further) (?:information|details)|learn more|read more|(?:an )?examples?:|"
                  r"here is|here are|here's|let's|we'll|thanks|for more (?:information|details|examples?|on|about)\b|"
                  r"for (?:example|instance)\b.*:$)", re.I)
_NOT_PROSE = re.compile(r"https?://\S+|<[?%]|[?%]>|[{}|\\]{1}|[=<>]{2,}|-->|\ufffd|\$\(|;\s*$|={2,}")


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; text after the last full stop is the last one."""
    found, start = [], 0
    for end in _END.finditer(text):
        sentence = text[start:end.end()]
        rest = text[end.end():].lstrip()
        if not _ABBREVIATED.search(sentence) and sentence.count("`") % 2 == 0 and _may_begin(rest) \
                and not _is_ordinal(sentence, rest) and not _goes_on(sentence, rest):
            found.append(sentence.strip())
            start = end.end()
    return [*found, *([rest] if (rest := text[start:].strip()) else [])]


def _goes_on(sentence: str, rest: str) -> bool:
    """Whether the stop stands in quotes or brackets inside a sentence: `the "Stop!" button`."""
    return rest[:1].islower() and not re.search(rf"[{STOPS}]$", sentence)


def is_prose(sentence: str) -> bool:
    """Whether a sentence is complete, consists mostly of words, and refers to nothing outside the passage."""
    return not prose_fault(sentence)


def prose_fault(sentence: str) -> str:
    """The rule by which a sentence is left out; empty for prose."""
    bare = re.sub(r"`[^`]*`", " code ", sentence)
    return next((rule for rule, applies in _RULES.items() if applies(sentence, bare)), "")


def _is_incomplete(sentence: str, bare: str) -> bool:
    return word_count(bare) < 4 or sentence.count("(") != sentence.count(")") \
        or not (_ENDED.search(sentence) or needs_no_stop(sentence))


def _has_few_words(sentence: str, bare: str) -> bool:
    pieces, unspaced = bare.split(), unspaced_characters(bare)
    written = sum(letters(piece) > 1 or bool(_INITIAL.match(piece)) for piece in pieces)
    return not (written >= 0.7 * len(pieces) and letters(bare) >= (0.55 if unspaced else 0.65) * len(bare)
                and bare.count("code") <= max(len(pieces), word_count(bare)) / 2)


_RULES: dict[str, Callable[[str, str], bool]] = {
    "a question": lambda sentence, bare: sentence.endswith(tuple(QUESTION_MARKS)),
    "not a whole sentence": _is_incomplete,
    "braces, addresses or code outside code marks": lambda sentence, bare: bool(_NOT_PROSE.search(bare)),
    "few words": _has_few_words,
    "refers to a figure, a list or another place": lambda sentence, bare: bool(
        _OUTSIDE_REFERENCE.search(bare) or _OUTSIDE_REFERENCE_ELSEWHERE.search(bare)),
    "points to other pages": lambda sentence, bare: bool(_SEE.search(plain(sentence))),
}
"""Why a sentence is left out -> whether that applies, given the sentence and the sentence without its code."""


def _is_ordinal(sentence: str, rest: str) -> bool:
    return bool(_ORDINAL.search(sentence) and (rest[:1].islower() or _AFTER_ORDINAL.match(rest)
                                                or _BEFORE_ORDINAL.search(sentence)))


def _may_begin(rest: str) -> bool:
    return not rest or rest[0] not in ",;:)]，；：、）】」』"
