"""The parsed form of every document, whatever its format: headings and paragraphs in order."""

from __future__ import annotations

import re
from dataclasses import dataclass


class Unreadable(Exception):
    """A file cannot be parsed; the message is the reason, worded for users."""


class NoDocument(Exception):
    """A file is data or settings of a program, and nothing that the owner of the documents misses."""


@dataclass(frozen=True)
class Block:
    """A heading or a paragraph; code is between backticks."""

    text: str
    level: int = 0
    """1 to 6 for a heading, 0 for a paragraph."""
    anchor: str = ""
    """The URL fragment of a heading, or of a paragraph that has its own; without the `#`."""
    item: bool = False
    """Whether a paragraph is an item of a list."""


@dataclass(frozen=True)
class Page:
    """One file's prose."""

    path: str
    """Relative to the folder, with forward slashes."""
    title: str
    """The page's own title; empty if it has none."""
    blocks: tuple[Block, ...]


def tidy(text: str) -> str:
    """Normalize white space: one space between words, none at the ends or before punctuation."""
    return re.sub(r"\s+([.,;])(?=\s|$)", r"\1", re.sub(r"\s+", " ", text.replace("\u00ad", ""))).strip()


def anchor_of(heading: str) -> str:
    """The anchor that static site generators give to a heading."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.casefold()).strip())


def plain(text: str) -> str:
    """Text without the backticks around code."""
    return text.replace("`", "")
