"""What every kind of file is read into: headings and paragraphs in order. Knows no file format."""

from __future__ import annotations

import re
from dataclasses import dataclass


class Unreadable(Exception):
    """A file that yields nothing; the message is the reason, said to a person."""


@dataclass(frozen=True)
class Block:
    """A heading or a paragraph; code words stand between backticks."""

    text: str
    level: int = 0
    """1 to 6 for a heading, 0 for a paragraph."""
    anchor: str = ""
    """What leads to a heading, or to a paragraph that has its own, within its page; without the `#`."""
    item: bool = False
    """Whether a paragraph is an item of a list."""


@dataclass(frozen=True)
class Page:
    """One file's prose."""

    path: str
    """Relative to the folder, with forward slashes."""
    title: str
    """What the page calls itself; empty where it does not."""
    blocks: tuple[Block, ...]


def tidy(text: str) -> str:
    """One space between words, none at the ends, none before a full stop."""
    return re.sub(r"\s+([.,;])(?=\s|$)", r"\1", re.sub(r"\s+", " ", text.replace("\u00ad", ""))).strip()


def anchor_of(heading: str) -> str:
    """The anchor that site builders give to a heading."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.casefold()).strip())


def plain(text: str) -> str:
    """Text as a reader sees it: without the backticks around code words."""
    return text.replace("`", "")
