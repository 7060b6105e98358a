"""Split a description of the API reference into sentences, without links and markup of the web page."""

from __future__ import annotations

import functools
import re

MAX_WORDS = 70
MAX_SENTENCES = 4

# Links and markup of the web page; removed in this order.
_PAGE_NOISE = [(re.compile(pattern, flags), new) for pattern, flags, new in (
    (r"\((?:see|More info)[^()]*https?://[^()]*\)", re.I, ""),
    (r"(?:For )?\bmore info(?:rmation)?\b[^.:]{0,60}[:.,]?\s*(?:see:?\s*)?https?://\S+", re.I, ""),
    (r"\bsee:?\s+https?://\S+(?:,? for [^.]*\.)?", re.I, ""),
    (r"\s+\*\s+(?=an? )", 0, "; "),
    (r"\bTip: [^.]*\.", 0, ""),
    (r"[`*]{2,}|`", 0, ""),
    (r"(?<=[:.;])\s+[-*]\s+(?=\S)", 0, " "),
    (r"(?<=[:.;])\s*;", 0, ""),
    (r"\s+([.,;])(?=\s|$)", 0, r"\1"),
    (r"(?<!\w)_([^_]+)_(?!\w)", 0, r"\1"),
    (r"(?<=[a-z]) (?=(?:If|When|See|Must be|Defaults to|The supported|This field|Populated by) )", 0, ". "),
    (r"\bFor (?:more|further) (?:details|info\w*|context)\b[^.]*\.", re.I, ""),
    (r"\.\s+\.(?=\s|$)", 0, "."),
    (r"\s+", 0, " "),
)]
_SENTENCE_END = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<!\b[Ee]x\.)(?<!\bvs\.)(?<=[.!?])\s+(?=[A-Z\"$(])")
_NOT_PROSE = re.compile(r"://|[\[{]\s*[{\"]\w+\"?:|\[ \{")
LEAD_NOISE = re.compile(r"^(?:\(?optional\)?(?:[:.,]|(?<=\)))|required[:.,]|\w+ (?:field )?is optional\.)\s*", re.I)


@functools.lru_cache(maxsize=1)  # called twice in a row for a field
def sentences(description: str) -> tuple[str, ...]:
    """A description's sentences, cleaned; each ends in punctuation."""
    text = re.sub(r"\s+", " ", re.sub(r"\n\s*[*-]\s+", " ; ", description)) + " "
    for pattern, new in _PAGE_NOISE:
        text = pattern.sub(new, text)
    found = [sentence.strip() for sentence in _SENTENCE_END.split(LEAD_NOISE.sub("", text.strip()))]
    return tuple(_finished(sentence) for sentence in found
                 if len(sentence) > 3 and not _NOT_PROSE.search(sentence))


def shortened(found: list[str], keep_last: bool = False) -> str:
    """The first sentences within the length limit of an answer, and a later one that states a default, if it fits.

    Args:
        found: the sentences.
        keep_last: always keep the last sentence.
    """
    last = found[-1:] if keep_last else []
    kept, left = [found[0]], found[1:len(found) - len(last)]
    budget = MAX_WORDS - sum(len(sentence.split()) for sentence in kept + last)
    contiguous = True
    for sentence in left:
        size = len(sentence.split())
        fits = size <= budget and len(kept) + len(last) < MAX_SENTENCES
        if fits and (contiguous or sentence.startswith("Default")):
            kept.append(sentence)
            budget -= size
        else:
            contiguous = False  # later sentences may refer to the omitted one
    return " ".join(sentence for sentence in kept + last if sentence)


def _finished(sentence: str) -> str:
    sentence = sentence.strip(" ;,")
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence.rstrip(':')}."
