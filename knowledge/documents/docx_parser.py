"""Parse Word files (.docx) into blocks: headings by their style, paragraphs and list items; tables are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from knowledge.documents.document import Block, Page, anchor_of, tidy
from knowledge.documents.zipped_document import PackedFile, open_packed

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"^(?:heading|title)\s*(\d)?$", re.I)
_LEFT_OUT = (f"{_W}tbl", f"{_W}del", f"{_W}moveFrom")


def read_word(path: str, data: bytes) -> Page:
    """Parse a .docx file; the title is its first title or first heading.

    Raises:
        Unreadable: with a password, broken, or too large once unpacked.
    """
    with open_packed(data, "Word", ".doc") as packed:
        body = packed.xml("word/document.xml").find(f"{_W}body")
        styles = _style_names(packed)
        blocks = tuple(_blocks(body, styles)) if body is not None else ()
    return Page(path, next((block.text for block in blocks if block.level), ""), blocks)


def _style_names(packed: PackedFile) -> dict[str, str]:
    """Id -> name of each style: ids are translated by Word, the names of its own styles are not."""
    try:
        found = packed.xml("word/styles.xml")
    except KeyError:
        return {}
    return {style.get(f"{_W}styleId", ""): name.get(f"{_W}val", "") for style in found.iter(f"{_W}style")
            if (name := style.find(f"{_W}name")) is not None}


def _blocks(body: Any, styles: dict[str, str]) -> Iterator[Block]:
    for paragraph in _paragraphs(body):
        text = tidy("".join(_texts(paragraph)))
        properties = paragraph.find(f"{_W}pPr")
        style = properties.find(f"{_W}pStyle") if properties is not None else None
        name = styles.get(style.get(f"{_W}val", ""), style.get(f"{_W}val", "")) if style is not None else ""
        if text and (heading := _HEADING.match(name)):
            yield Block(text, min(int(heading[1] or 1), 6), anchor_of(text))
        elif text:
            yield Block(text, item=properties is not None and properties.find(f"{_W}numPr") is not None)


def _paragraphs(parent: Any) -> Iterator[Any]:
    for child in parent:
        if child.tag == f"{_W}p":
            yield child
        elif child.tag not in _LEFT_OUT:
            yield from _paragraphs(child)


def _texts(parent: Any) -> Iterator[str]:
    """The text of a paragraph's runs, without what was deleted while changes were tracked."""
    for child in parent:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            yield " "
        elif child.tag == f"{_W}noBreakHyphen":
            yield "-"
        elif child.tag not in (*_LEFT_OUT, f"{_W}pPr", f"{_W}instrText", f"{_W}txbxContent"):
            yield from _texts(child)
