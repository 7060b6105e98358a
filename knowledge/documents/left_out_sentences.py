"""Count the sentences that are left out of the passages by rule, and keep examples of each rule."""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from dataclasses import dataclass

EXAMPLES = 10
"""Most examples of one rule."""
_MOST_CHARS = 400


@dataclass(frozen=True)
class LeftOutSentence:
    """A sentence that is in no passage, and the file that it stands in."""

    path: str
    text: str
    """At most 400 characters of it."""


class LeftOutSentences:
    """Counts by rule and by file; the examples are a fixed choice of all sentences, spread over the files."""

    def __init__(self) -> None:
        """Nothing is left out yet."""
        self.by_rule = Counter[str]()
        self.by_path = Counter[str]()
        self._chosen: dict[str, list[tuple[int, str, str]]] = {}

    def add(self, rule: str, path: str, sentence: str) -> None:
        """Count a sentence; those with the smallest checksums are the examples."""
        self.by_rule[rule] += 1
        self.by_path[path] += 1
        chosen = self._chosen.setdefault(rule, [])
        entry = (-zlib.crc32(f"{path}\n{sentence}".encode(errors="replace")), path, sentence[:_MOST_CHARS])
        if len(chosen) < EXAMPLES:
            heapq.heappush(chosen, entry)
        else:
            heapq.heappushpop(chosen, entry)

    def examples(self) -> dict[str, tuple[LeftOutSentence, ...]]:
        """Rule -> up to ten of its sentences, ordered by file; the rule with most sentences first."""
        return {rule: tuple(LeftOutSentence(path, text) for path, text in sorted(entry[1:] for entry in
                                                                                 self._chosen[rule]))
                for rule, _ in self.by_rule.most_common()}
