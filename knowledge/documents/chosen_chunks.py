"""Keep each text of a folder once, and no more of them than a run can use."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

from knowledge.documents.chunking import Chunk
from knowledge.passages import passage_id

SOURCE = "folder"
MOST_PASSAGES = 30_000
"""Of which 70% may be trained on: twice the 10,000 practice questions of the largest run."""


def id_of(chunk: Chunk) -> str:
    """The passage id, by the text alone: topics may be merged when the folder grows, and a passage must not change
    its side of the split then."""
    return passage_id(SOURCE, chunk.text)


class ChosenChunks:
    """The chunks with the smallest ids, which are hashes: a choice that hardly changes when the folder grows."""

    def __init__(self, most: int = MOST_PASSAGES) -> None:
        """At most `most` chunks are kept."""
        self.repeated = 0
        """Chunks with the text of another that is kept."""
        self.passed_over = 0
        self._most = most
        self._by_id: dict[str, tuple[int, Chunk]] = {}
        self._ids: list[str] = []
        self._added = 0

    def add(self, chunks: Iterable[Chunk]) -> int:
        """Take the chunks of a page; return how many it has."""
        before = self._added
        for one in chunks:
            self._added += 1
            id = id_of(one)
            if id in self._by_id:
                self.repeated += 1
            elif len(self._ids) < self._most or id < self._ids[-1]:
                bisect.insort(self._ids, id)
                self._by_id[id] = (self._added, one)
                if len(self._ids) > self._most:
                    del self._by_id[self._ids.pop()]
                    self.passed_over += 1
            else:
                self.passed_over += 1
        return self._added - before

    @property
    def kept(self) -> list[Chunk]:
        """The chunks in their order in the folder."""
        return [one for _, one in sorted(self._by_id.values(), key=lambda entry: entry[0])]
