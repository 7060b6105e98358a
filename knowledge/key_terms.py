"""Choose a passage's key terms: the words that a right answer must contain.

Defaults and values come first, then identifiers and quoted words. Rare words are weaker facts and only fill up when
there are too few others. Words that occur in the question are excluded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from knowledge.stopwords import is_fact

MAX_TERMS = 4
# With fewer values and identifiers than this, rare words are added up to this number.
MIN_TERMS = 2
# A word that occurs in more passages than this does not distinguish them.
COMMON = 60

_VALUE = r"(\"[^\"]{1,40}\"|'[^']{1,40}'|[\w/:%.-]*[\w%])"
_DEFAULTS = re.compile(
    rf"\b(defaults? (?:value )?(?:to|is|of)(?: the)?) {_VALUE}|\b(default \w+ is) {_VALUE}", re.I)
# "defaults to the time of ..." names no value; "defaults to 10", "default is TCP", "defaults to true" do.
_STATES_A_VALUE = re.compile(r"[\dA-Z/:%]|^(?:true|false|nil|none|empty)$")
_TECHNICAL = re.compile(r"\"([\w./:%+-]{2,40})\"|\b([a-z]+[A-Z]\w+|[A-Z]+[a-z]+[A-Z]\w*|[A-Z]{3,}\w*)\b|"
                        r"(?<![\w.])(?<!\d,)(\d{1,3}(?:,\d{3})+|"
                        r"\d[\d.]*(?:%| seconds| minutes| bytes| characters)|/[\w./-]{3,}|\d{3,})(?!\w)")
_ALL_CAPS = frozenset(re.findall(r"[\w-]+", "NOT MUST DOES ONLY WILL AND NOTE SHOULD MAY THIS ALL ANY"))
_WORD = re.compile(r"[A-Za-z][a-z]{3,}(?:-[a-z]+)*")
_EMPTY = frozenset(re.findall(r"[\w-]+", """
that this with from will when then than they them their there these those have must should which where whether into
onto only also been being does such same other each more most some used uses using cannot could would about after
before between both during either because defined specified indicates specifies represents describes contains
optional required field fields value values following based given particular allowed currently present example found
name names object objects list lists type types true false kubernetes default defaults string integer boolean set
sets matching unless note what your without within over under very many means well still otherwise called case may
just regular information every want wants provides provide chosen back depends depend while details lower count
counts array gives result results instead like including include includes able allow allows applied apply applies
contain need needs make makes made take takes long against possible corresponding additional further relevant single
first second last whose empty above below least done ever never always upon since become becomes rather already
consider instance examples perhaps understood enough holds adds maps full updated decides whatever appear exist
exists selects through simple certain once among decided determine report logical performed indicating locate
however might often says find found perform performs ones addr base inside doesn didn isn aren wasn themself itself
regardless otherwise therefore thus hence every few else even much most kind sort way ways thing things place part
together special generic common brief recent latest previous initial relates refers relationship seen known
entire several various normally usually typically appropriate desired intended implies considers mapped
identify identifies represent implement implements ensures offer produce return perhaps consult help helps
"""))


def key_terms(text: str, questions: str, document_counts: Counter[str]) -> tuple[str, ...]:
    """Up to four facts of `text`, substrings that do not occur in `questions` (its questions, joined).

    Empty if the text holds none: a word that any text could use says nothing about an answer.

    Args:
        document_counts: number of passages that contain each lower-case word (`word_counts`).
    """
    body = _body(text)
    facts = [term for term in (*_defaults(body), *_technical(body)) if is_fact(term, body)]
    return _chosen(facts, _rare(body, document_counts, facts_only=True), questions)


def candidate_terms(text: str, questions: str, document_counts: Counter[str]) -> tuple[str, ...]:
    """As `key_terms`, but with words that are no facts: they decide which texts of the API reference are passages.

    That choice must not change with the filter, since stored runs and test sets rest on it.
    """
    body = _body(text)
    return _chosen([*_defaults(body), *_technical(body)], _rare(body, document_counts), questions)


def _body(text: str) -> str:
    """The text without the beginning that names kind and field."""
    return re.sub(r"^In an? \w+, [\w-]+ \([^)]*\):?\s", "", text)


def _chosen(strong: list[str], rare: list[str], questions: str) -> tuple[str, ...]:
    chosen: list[str] = []
    for most, terms in ((MAX_TERMS, strong), (MIN_TERMS, rare)):
        for term in terms:
            if len(chosen) < most and not _in_question(term, questions, chosen):
                chosen.append(term)
    return tuple(chosen)


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """Number of texts that contain each lower-case word."""
    return Counter(word for text in texts for word in {found.lower() for found in _WORD.findall(text)})


def _defaults(body: str) -> list[str]:
    """Stated defaults; one too short to be meaningful alone ('1') is kept with the words before it."""
    found = []
    for match in _DEFAULTS.finditer(body):
        quoted = match[2] or match[4]
        value = quoted.strip("\"'")
        if quoted != value or _STATES_A_VALUE.search(value):
            found += [value] * (len(value) > 3) + [match[0]]
    return found


def _technical(body: str) -> list[str]:
    found = [next(group for group in match.groups() if group) for match in _TECHNICAL.finditer(body)]
    return [term for term in found if term not in _ALL_CAPS]


def _rare(body: str, document_counts: Counter[str], facts_only: bool = False) -> list[str]:
    """The two rarest content words that also occur in another passage, in the order of the body."""
    words = [word for word in dict.fromkeys(_WORD.findall(body)) if word.lower() not in _EMPTY
             and (not facts_only or (is_fact(word, body) and not word.endswith("ed")))]
    words = [word for word in words if not word.endswith(("ly", "ing")) and 1 < document_counts[word.lower()] <= COMMON]
    # A participle ("observed") is a weaker fact than a noun, however rare.
    rarest = sorted(words, key=lambda word: (word.endswith("ed"), document_counts[word.lower()]))[:2]
    return [word for word in words if word in rarest]


def _in_question(term: str, questions: str, chosen: list[str]) -> bool:
    folded = term.casefold()
    return folded in questions.casefold() or any(folded in old.casefold() or old.casefold() in folded for old in chosen)
