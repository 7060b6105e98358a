"""Parse PDF into blocks, with bookmarks as headings; removes running heads and hyphenation. The only pypdf import."""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from knowledge.documents.document import Block, Page, Unreadable, tidy

# What pypdf raises for a broken file, besides its own errors.
_BROKEN = (PyPdfError, DependencyError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError,
           NotImplementedError, RecursionError, OverflowError, zlib.error, OSError)
_NUMBERED = re.compile(r"^(?:(?:Chapter|Section|Appendix)\s+)?\d+(?:\.\d+)*\.?\s+(?=[A-Z])")
_HYPHENATED = re.compile(r"([^\W\d_])-\s+([^\W\d_])")
_BULLETS = "•◦▪‣●○■"
_CONTENTS = re.compile(r"(?:\. ?){4,}\s*\w*$")
_PAGE_NUMBER = 40
"""Most letters on a scanned page that has text: a page number, or the mark of a scanner's program."""


def read_pdf(path: str, data: bytes) -> tuple[Page, str]:
    """Parse a PDF file, with a remark where some of its pages are scanned.

    Headings are its bookmarks, or lines that look like numbered headings.

    Raises:
        Unreadable: encrypted, broken, scanned, or without text.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise Unreadable("an encrypted PDF")
        texts = [page.extract_text() for page in reader.pages]
        readable = [text for page, text in zip(reader.pages, texts, strict=True) if not _is_scanned(page, text)]
        bookmarks = _bookmarks(reader, reader.outline)
        title = (reader.metadata.title if reader.metadata else None) or ""
    except DependencyError as error:
        raise Unreadable("an encrypted PDF") from error
    except _BROKEN as error:
        raise Unreadable(f"a broken PDF ({error or type(error).__name__})") from error
    scanned = len(texts) - len(readable)
    if not any(text.strip() for text in readable):
        raise Unreadable(f"a scanned PDF: {scanned} of {len(texts)} pages are images without text; add a text layer "
                         "(OCR) first" if scanned else "a PDF without text")
    remark = f"{scanned} of {len(texts)} pages are scanned, images without text, and were not read" if scanned else ""
    return Page(path, tidy(title), tuple(_blocks(_without_running_heads(texts), bookmarks))), remark


def _is_scanned(page: PageObject, text: str) -> bool:
    """Whether a page shows an image and hardly any text."""
    if sum(map(str.isalnum, text)) > _PAGE_NUMBER:
        return False
    resources = page.get("/Resources")
    shown = resources.get_object().get("/XObject") if resources is not None else None
    return shown is not None and any(one.get_object().get("/Subtype") == "/Image"
                                     for one in shown.get_object().values())


def _bookmarks(reader: PdfReader, outline: list[Any], level: int = 1) -> dict[int, list[tuple[int, str]]]:
    """Page number from 0 -> levels and titles of the bookmarks that point to it."""
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for entry in outline:
        if isinstance(entry, list):
            for page, titles in _bookmarks(reader, entry, min(level + 1, 6)).items():
                found[page] += titles
        elif (page_number := reader.get_destination_page_number(entry)) is not None:
            found[page_number].append((level, tidy(str(entry.title))))
    return found


def _without_running_heads(texts: list[str]) -> list[list[str]]:
    """Lines of each page without page numbers, table of contents entries and running heads."""
    pages = [[line.strip() for line in text.replace("\x0c", "\n").splitlines()] for text in texts]
    edges = Counter(_numberless(line) for page in pages for line in {*page[:2], *page[-2:]} if line)
    running = {line for line, count in edges.items() if count >= max(3, len(pages) / 3)}
    return [[line for line in page if _numberless(line) not in running and not re.fullmatch(r"[\divxlc]+", line)
             and not _CONTENTS.search(line)] for page in pages]


def _numberless(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _blocks(pages: list[list[str]], bookmarks: dict[int, list[tuple[int, str]]]) -> Iterator[Block]:
    for number, lines in enumerate(pages):
        anchor = f"page={number + 1}"
        pending = {_key(title): (level, title) for level, title in bookmarks.get(number, [])}
        words: list[str] = []
        on_page = {_key(line) for line in lines}
        # A bookmark that matches no line (a broken heading, another wording) is placed at the start of its page.
        for key in [key for key in pending if key not in on_page]:
            level, title = pending.pop(key)
            yield Block(title, level, anchor)
        for line in lines:
            heading = pending.pop(_key(line), None) or (None if bookmarks else _heading(line))
            if heading or not line or line[0] in _BULLETS:
                yield from _paragraph(words, anchor)
                words = []
                if heading:
                    yield Block(heading[1], heading[0], anchor)
            if not heading:
                words.append(line.lstrip(_BULLETS))
        yield from _paragraph(words, anchor)


def _paragraph(words: list[str], anchor: str) -> Iterator[Block]:
    """Join lines; a hyphen at a line's end before a lower-case letter is removed as hyphenation."""
    text = tidy(_HYPHENATED.sub(_joined, " ".join(words)))
    if text:
        yield Block(text, anchor=anchor)


def _joined(found: re.Match[str]) -> str:
    return found[1] + found[2] if found[1].islower() and found[2].islower() else found[0]


def _heading(line: str) -> tuple[int, str] | None:
    numbered = _NUMBERED.match(line)
    if numbered and len(line.split()) <= 10 and line[-1] not in ".,;:":
        return min(numbered[0].strip().strip(".").count(".") + 1, 6), line[numbered.end():]
    return None


def _key(title: str) -> str:
    return re.sub(r"\W+", "", _NUMBERED.sub("", title)).casefold()
