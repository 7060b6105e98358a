"""Passages by their form, so that those most like another one are found without sorting all.

The form of a passage is its topic, its source and its shape: of an API field its type.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from heapq import merge
from operator import itemgetter

from knowledge.passages import Passage

API_SUBJECT = re.compile(r"^In an? \w+, [\w-]+ \((?P<type>[^)]*), (?:optional|required)\)")
"""The subject of a field in the API reference, with its type."""


class PassagesByForm:
    """Passages by topic, source and shape, and those of one form by length."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._forms = defaultdict[tuple[str, str, str], _ByLength](_ByLength)
        for place, passage in enumerate(passages):
            self._forms[_form(passage)].add(place, passage)

    def nearest(self, passage: Passage, length: int) -> Iterator[Passage]:
        """All passages: those of the same topic first, then source, then shape, then those nearest in length."""
        topic, source, shape = _form(passage)
        likeness = defaultdict[tuple[bool, bool, bool], list[_ByLength]](list)
        for form, found in self._forms.items():
            likeness[form[0] != topic, form[1] != source, form[2] != shape].append(found)
        for _, alike in sorted(likeness.items(), key=itemgetter(0)):
            found_in_order = merge(*(found.nearest(length) for found in alike), key=itemgetter(0, 1))
            yield from (other for _, _, other in found_in_order)


class _ByLength:
    """Passages of one form, by the length of their texts."""

    def __init__(self) -> None:
        self._passages = defaultdict[int, list[tuple[int, Passage]]](list)

    def add(self, place: int, passage: Passage) -> None:
        """Add a passage; `place` orders those of one length."""
        self._passages[len(passage.text)].append((place, passage))

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted(self._passages)

    def nearest(self, length: int) -> Iterator[tuple[int, int, Passage]]:
        """(difference in length, place, passage), in this order."""
        after = bisect_left(self._lengths, length)
        shorter = ((length - one, place, passage) for one in reversed(self._lengths[:after])
                   for place, passage in self._passages[one])
        longer = ((one - length, place, passage) for one in self._lengths[after:]
                  for place, passage in self._passages[one])
        return merge(shorter, longer, key=itemgetter(0, 1))


def _form(passage: Passage) -> tuple[str, str, str]:
    return passage.topic, passage.source, _shape(passage)


def _shape(passage: Passage) -> str:
    """The form of an answer: an API field's type, or the passage's source for a whole kind or prose."""
    field = API_SUBJECT.match(passage.text)
    if field:
        return re.sub(r"list of .*", "list", field["type"]) if field["type"][0].islower() else "object"
    return passage.source
