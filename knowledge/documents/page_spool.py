"""Keep the paragraphs of many pages in a temporary file; in memory stay a checksum for each paragraph."""

from __future__ import annotations

import hashlib
import marshal
import tempfile
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.documents.chunking import Paragraph
from knowledge.near_duplicate_questions import normalize


@dataclass(frozen=True)
class SpooledPage:
    """One page without its text."""

    path: str
    keys: array[int]
    """A checksum for each paragraph, in their order; the same for paragraphs with the same words."""
    distinct: int
    """Number of different paragraphs."""
    first_heading: str
    """The topmost heading of the first paragraph; empty for a page without any."""
    position: int


class PageSpool:
    """Writes pages and reads them back; the file vanishes with the process."""

    def __init__(self) -> None:
        """The file is in the folder for temporary files (TMPDIR)."""
        self.pages: list[SpooledPage] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115

    def add(self, path: str, paragraphs: Iterable[Paragraph]) -> None:
        """Append a page."""
        rows = [(paragraph.headings, paragraph.anchor, paragraph.text) for paragraph in paragraphs]
        keys = array("Q", (_key(text) for _, _, text in rows))
        position = self._file.seek(0, 2)
        marshal.dump(rows, self._file)
        self.pages.append(SpooledPage(path, keys, len(set(keys)), rows[0][0][0] if rows else "", position))

    def paragraphs(self, page: SpooledPage) -> list[Paragraph]:
        """Read the paragraphs of a page."""
        self._file.seek(page.position)
        return [Paragraph(*row) for row in marshal.load(self._file)]

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(normalize(text).encode(errors="replace"), digest_size=8).digest(), "big")
