"""Parse PowerPoint files (.pptx) into blocks: a slide's title is a heading, its text and notes are paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from knowledge.documents.document import Block, Page, tidy
from knowledge.documents.zipped_document import PackedFile, open_packed

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PRESENTATION = "ppt/presentation.xml"
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "ftr", "hdr", "sldImg")
"""Placeholders that are the same on all slides."""


def read_slides(path: str, data: bytes) -> Page:
    """Parse a .pptx file; the title is the first slide's. Hidden slides, tables and charts are left out.

    Raises:
        Unreadable: with a password, broken, or too large once unpacked.
    """
    with open_packed(data, "PowerPoint", ".ppt") as packed:
        blocks = tuple(block for number, name in enumerate(_slide_names(packed), start=1)
                       for block in _slide(packed, name, number))
    return Page(path, next((block.text for block in blocks if block.level), ""), blocks)


def _slide_names(packed: PackedFile) -> list[str]:
    """The parts of the slides, in the order in which they are shown."""
    related = packed.related(_PRESENTATION)
    return [related[slide.get(_R)][1] for slide in packed.xml(_PRESENTATION).iter(f"{_P}sldId")]


def _slide(packed: PackedFile, name: str, number: int) -> Iterator[Block]:
    slide = packed.xml(name)
    if slide.get("show") == "0":
        return
    shapes = list(slide.iter(f"{_P}sp"))
    title = tidy(" ".join(text for shape in shapes if _placeholder(shape) in _TITLES for text in _paragraphs(shape)))
    yield Block(title or f"Slide {number}", 2 if number > 1 else 1, f"slide={number}")
    for shape in shapes:
        if _placeholder(shape) not in (*_TITLES, *_FURNITURE):
            found = [tidy(text) for text in _paragraphs(shape)]
            yield from (Block(text, item=len(found) > 1) for text in found if text)
    notes = next((part for kind, part in packed.related(name).values() if kind == "notesSlide"), None)
    for shape in packed.xml(notes).iter(f"{_P}sp") if notes else ():
        if _placeholder(shape) not in _FURNITURE:
            yield from (Block(text) for paragraph in _paragraphs(shape) if (text := tidy(paragraph)))


def _placeholder(shape: Any) -> str:
    """The kind of a shape's placeholder: `title`, `body`, `sldNum`; empty for a text box."""
    found = next(shape.iter(f"{_P}ph"), None)
    return "" if found is None else str(found.get("type", "body"))


def _paragraphs(shape: Any) -> Iterator[str]:
    for body in shape.iter(f"{_P}txBody"):
        for paragraph in body.iter(f"{_A}p"):
            yield "".join(" " if part.tag == f"{_A}br" else part.text or "" for part in paragraph.iter(
                f"{_A}t", f"{_A}br"))
