"""Parse EPUB books into blocks: their chapters in reading order, each as an HTML page."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import unquote

from knowledge.documents.document import Block, Page, Unreadable, tidy
from knowledge.documents.html_parser import read_html
from knowledge.documents.zipped_document import PackedFile, open_packed
from knowledge.documents.text_decoding import decode

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_OPF = "{http://www.idpf.org/2007/opf}"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_CIPHER = "{http://www.w3.org/2001/04/xmlenc#}CipherReference"
_HTML = ("application/xhtml+xml", "text/html")


def read_epub(path: str, data: bytes) -> Page:
    """Parse an .epub file; the title is the book's.

    Raises:
        Unreadable: encrypted (DRM), broken, or too large once unpacked.
    """
    with open_packed(data, "EPUB", ".epub") as packed:
        package = packed.xml("META-INF/container.xml").find(f".//{_CONTAINER}").get("full-path")
        book = packed.xml(package)
        chapters = _chapters(book, posixpath.dirname(package))
        if set(chapters) & _encrypted(packed):
            raise Unreadable("an EPUB book with digital rights management, which cannot be read")
        present = set(packed.names())
        blocks: list[Block] = []
        for chapter in chapters:
            if chapter in present:
                blocks += read_html(chapter, decode(packed.read(chapter))[0]).blocks
        title = next(book.iter(_TITLE), None)
    return Page(path, tidy(title.text or "") if title is not None else "", tuple(blocks))


def _chapters(book: Any, folder: str) -> list[str]:
    """The parts with text in reading order, without the table of contents."""
    items = {item.get("id"): item for item in book.iter(f"{_OPF}item")}
    found = [items[one.get("idref")] for one in book.iter(f"{_OPF}itemref")
             if one.get("idref") in items]
    return [posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "")))) for item in found
            if item.get("media-type") in _HTML and "nav" not in (item.get("properties") or "").split()]


def _encrypted(packed: PackedFile) -> set[str]:
    """The parts that are encrypted; fonts often are, without any harm."""
    if "META-INF/encryption.xml" not in packed.names():
        return set()
    return {unquote(one.get("URI", "")) for one in packed.xml("META-INF/encryption.xml").iter(_CIPHER)}
