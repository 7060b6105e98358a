"""Whether a generated question can be asked: complete, clear without its page, not its own answer. Pure."""

from __future__ import annotations

import re

from knowledge.documents.document import plain

MOST_WORDS = 34
_LOOSE = re.compile(r"\b(?:this|these|those|above|below|following|here|former|latter|we|our|us|i|my|let's|"
                    r"therefore|however|earlier|previous|previously|aforementioned|such|same|too|that way|it|"
                    r"they|them|he|she|him|itself|themselves|otherwise|again|likewise|also|instead|another|"
                    r"others|either|latest)\b", re.I)
_OPEN_END = frozenset(re.findall(r"\S+", """
and or the a an is are that which if when than not any all some its their no e.g i.e etc e.g. i.e. etc. via per
"""))
_CONTEXT = re.compile(r"^(?:Regarding|When it comes to) .+?, (?=(?:what|which|how|when|where|why|who|if|since|"
                      r"under which|in which|of which)\b)", re.I)
# Left over from the markup of a text file.
_MARKUP = re.compile(r"::(?:\s|$)|^[+*|>•–-]\s|\[\[|\]\]|\b\w+:\w+\[|:\w+:`|\(\(|\)\)\)|\|\||<\d+>|"
                     r"\{\{|''|``|\.\.\.|…|\s#\s")
_POINTS_AWAY = re.compile(r"\b(?:above|below|(?:previous|preceding|next|following|last|earlier|later) (?:section|"
                          r"chapter|example|paragraph|step|page|command|list)s?|the (?:former|latter)|"
                          r"aforementioned)\b", re.I)
_SEE = re.compile(r"(?:[;,(–—]| -)\s*(?:please )?(?:see|refer to|consult|read)\b.*$", re.I)
"""Where a sentence begins to say no more than what to read."""
_TOKEN = re.compile(r"[\w$@%/\\.:<>=+*\[\]()-]*\w[\w$@%/\\.:<>=+*\[\]()-]*")
_GENERIC = frozenset(re.findall(r"[\w']+", """
a an the of to in is are was were be been being and or for with be by on that it as from can you this not if when use
used uses using every each all will would must has have had at its one two which no any do does did done so than then
there their your into out up only more most such may might should could shall what how where why who whose whom while
what's don't doesn't about after before during until once get gets got set sets setting given gives give make makes
made value values case cases way ways thing things true false same other others new first second last specified
specify specifies available possible necessary needed need needs want wants like well good example examples default
option options name named called call calls user users work works working exist exists happen happens different
certain following allow allows allowed also very just still already currently usually often always never sometimes
provide provides provided contain contains include includes including based under over between through without within
lot number kind type types sort part parts some many few several both either much long little several present support
supports supported require required requires something anything someone result results return returns
"""))


def specific_words(text: str) -> list[str]:
    """The words of a text that say what it is about, without function words and words that any text could use."""
    found = [word.strip(".,:;()") for word in _TOKEN.findall(plain(text))]
    return [word for word in found if word and (not word.isalpha() or (len(word) > 2
                                                                      and word.casefold() not in _GENERIC))]


def is_whole(question: str) -> bool:
    """Whether a question is complete and refers to nothing outside it."""
    bare = _CONTEXT.sub("", re.sub(r"`[^`]*`", "code", question))
    words = bare.rstrip("?").split()
    return (not _LOOSE.search(bare) and words[-1].lower() not in _OPEN_END and not _MARKUP.search(bare)
            and question.count("(") == question.count(")") and question.count('"') % 2 == 0
            and question.count("`") % 2 == 0 and question.count("“") == question.count("”")
            and bare.count("?") == 1 and len(question.split()) <= MOST_WORDS)


def may_be_asked(sentence: str) -> bool:
    """Whether a sentence is whole prose: one that begins in mid-sentence or holds markup is not asked about."""
    bare = re.sub(r"`[^`]*`", "Code", sentence)
    if _POINTS_AWAY.search(bare):
        return False
    return bool(re.match(r"[\"'“‘(\[]?[^\W_a-z]|[-$%&@._\\/<]", bare)) and not _MARKUP.search(bare)


def adds_to(question: str, sentence: str) -> bool:
    """Whether a sentence says something that the question does not say already: a value, a name or two words."""
    asked = {_stem(word) for word in specific_words(question)}
    parts = {_stem(part) for word in asked for part in re.split(r"[\W_]+", word) if part}
    new = {_stem(word) for word in specific_words(_SEE.sub("", sentence))} - asked
    return bool(new - parts) and (len(new) >= 2 or any(not word.isalpha() for word in new))


def _stem(word: str) -> str:
    return re.sub(r"(?:ing|ed|es|s|e)$", "", word.casefold())
