"""Read one file into a page with its parser, from bytes that were read once and are those of one state of the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knowledge.documents.document import Page, Unreadable
from knowledge.documents.file_discovery import (
    ASCIIDOC, EPUB, HTML, MARKDOWN, NOTEBOOK, PDF, SCHEMA, SLIDES, WORD,
)
from knowledge.documents.text_decoding import decode

_TRIES = 3
"""How often a file is read that changes meanwhile."""


@dataclass(frozen=True)
class ParsedFile:
    """A file's prose, and the bytes that it comes from."""

    page: Page
    bytes: int
    sha256: str
    remark: str
    """How the text was decoded, where that is worth saying; else empty."""
    state: tuple[int, int] = (0, 0)
    """Size and time of change (ns) of the file that the bytes are of."""


def read_file(file: Path, path: str) -> ParsedFile:
    """Read and parse a file.

    Args:
        file: where it is.
        path: relative to the folder, for passages and reports.

    Raises:
        NoDocument: it is data of a program.
        Unreadable: it cannot be parsed, or is being written.
        OSError: it cannot be read.
    """
    data, state = _stable_bytes(file)
    page, remark = _parsed(data, file.suffix.lower(), path)
    return ParsedFile(page, len(data), hashlib.sha256(data).hexdigest(), remark, state)


def change_since(file: Path, parsed: ParsedFile) -> str:
    """How a file differs from what was read of it; empty if it does not."""
    try:
        return "" if _state(file) == parsed.state else "changed after it was read: what was read counts"
    except OSError:
        return "removed after it was read: what was read counts"


def _stable_bytes(file: Path) -> tuple[bytes, tuple[int, int]]:
    for _ in range(_TRIES):
        with file.open("rb") as opened:
            before = _state(opened.fileno())
            data = opened.read()
            if _state(opened.fileno()) == before and len(data) == before[0]:
                return data, before
    raise Unreadable("was being written while it was read: read the folder again when it is complete")


def _state(file: int | Path) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns


def _parsed(data: bytes, kind: str, path: str) -> tuple[Page, str]:
    if kind in PDF:
        from knowledge.documents.pdf_parser import read_pdf  # late, like the others: most folders need one library

        return read_pdf(path, data)
    if kind in WORD:
        from knowledge.documents.docx_parser import read_word

        return read_word(path, data), ""
    if kind in SLIDES:
        from knowledge.documents.pptx_parser import read_slides

        return read_slides(path, data), ""
    if kind in EPUB:
        from knowledge.documents.epub_parser import read_epub

        return read_epub(path, data), ""
    text, remark = decode(data)
    return _parser(kind)(path, text), remark


def _parser(kind: str) -> Callable[[str, str], Page]:
    """The parser for a file name extension."""
    if kind in MARKDOWN:
        from knowledge.documents.markdown_parser import read_markdown

        return read_markdown
    if kind in HTML:
        from knowledge.documents.html_parser import read_html

        return read_html
    if kind in ASCIIDOC:
        from knowledge.documents.asciidoc_parser import read_asciidoc

        return read_asciidoc
    if kind in NOTEBOOK:
        from knowledge.documents.notebook_parser import read_notebook

        return read_notebook
    if kind in SCHEMA:
        from knowledge.documents.schema_parser import read_schema

        return read_schema
    from knowledge.documents.text_parser import read_text

    return read_text
