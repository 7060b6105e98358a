"""Parse HTML into blocks, without navigation and other page furniture; runs no scripts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4 import MarkupResemblesLocatorWarning as LooksLikeAPath
from bs4 import XMLParsedAsHTMLWarning as IsXhtml
from bs4.element import Comment, NavigableString, PageElement, Tag

from knowledge.documents.document import Block, Page, Unreadable, anchor_of, tidy

_DROPPED = frozenset(re.findall(r"\S+", """
script style noscript template svg math canvas iframe object form button select nav header footer pre table figure
img picture video audio
"""))
_DROPPED_CLASSES = frozenset(re.findall(r"\S+", """
sidebar sphinxsidebar toc breadcrumb breadcrumbs navbar menu pagination headerlink footer nav related highlight
codehilite
edit-page feedback cookie srclink nav-chapters skip-link
"""))
_DROPPED_IDS = frozenset(("toc", "sidebar", "menu", "footer", "TOC", "tableOfContents", "column2"))
_DROPPED_ROLES = frozenset(("navigation", "banner", "contentinfo", "search"))
_MAIN = ("main", "[role=main]", "article", "#content", ".content", ".document .body", "body")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(re.findall(r"\S+", """
p li dd div section article blockquote main body ul ol dl td th tr table hr address center details summary html
header fieldset aside
"""))
_SITE_NAME = re.compile(r"\s+[|\u2013\u2014·-]\s+(?:(?!\s[|\u2013\u2014·-]\s).)*$")
# Minimum share of the page's words in its main element; with less, the whole body is used.
_MIN_MAIN_SHARE = 0.4


def read_html(path: str, text: str) -> Page:
    """Parse an HTML file; the title is the first H1, else the one in the head.

    Raises:
        Unreadable: the markup has no element, or is nested too deeply.
    """
    with warnings.catch_warnings():
        for harmless in (LooksLikeAPath, IsXhtml):
            warnings.simplefilter("ignore", harmless)
        soup = BeautifulSoup(text, "lxml")
    if soup.find(True) is None:
        raise Unreadable("HTML without a single element")
    head = tidy(soup.title.get_text()) if soup.title else ""
    try:
        blocks = tuple(_joined(_pieces(_main_part(soup))))
    except RecursionError as error:
        raise Unreadable("HTML that nests too deep") from error
    first = next((block.text for block in blocks if block.level == 1), "")
    # Of several names in the head's title, the last is the site's.
    return Page(path, first or _SITE_NAME.sub("", head), blocks)


def _main_part(soup: BeautifulSoup) -> Tag:
    for tag in soup.find_all(_is_boilerplate):
        if not tag.decomposed:
            tag.decompose()
    words = len(soup.get_text(" ").split())
    parts = [found for selector in _MAIN if (found := soup.select_one(selector))]
    return next((part for part in parts if len(part.get_text(" ").split()) >= _MIN_MAIN_SHARE * words), soup)


def _is_boilerplate(tag: Tag) -> bool:
    if tag.name == "header":
        # A page's own heading is often in a header element: only one without a heading is boilerplate.
        return tag.find(list(_HEADINGS)) is None
    if tag.name == "aside" and _is_list_of_links(tag):
        return True
    classes = tag.get("class") or ()
    return (tag.name in _DROPPED or tag.get("id") in _DROPPED_IDS or tag.get("role") in _DROPPED_ROLES
            or tag.get("aria-hidden") == "true"
            or (tag.name not in ("html", "body", "main") and not _DROPPED_CLASSES.isdisjoint(classes)))


def _is_list_of_links(tag: Tag) -> bool:
    """Whether at least half of the words are those of links, as in a sidebar; notes beside the text are prose."""
    linked = sum(len(link.get_text(" ").split()) for link in tag.find_all("a"))
    return 2 * linked >= len(tag.get_text(" ").split())


# A piece is the start of a block (heading level, anchor, list item) or a run of text within one.
_Piece = Block | str


def _pieces(tag: PageElement) -> Iterator[_Piece]:
    """The text in document order, with an empty block wherever a new one starts."""
    if isinstance(tag, NavigableString):
        if not isinstance(tag, Comment) and type(tag) is NavigableString:
            yield str(tag)
    elif isinstance(tag, Tag):
        yield from _tag_pieces(tag)


def _tag_pieces(tag: Tag) -> Iterator[_Piece]:
    if tag.name in _HEADINGS or tag.name == "dt":
        text = tidy(tag.get_text())
        yield Block(text, _HEADINGS.get(tag.name, 6), _anchor(tag) or anchor_of(text))
        yield Block("")
    elif tag.name in ("code", "tt", "kbd", "samp"):
        yield f"`{tidy(tag.get_text()).replace('`', '')}`"
    elif tag.name == "br":
        yield " "
    else:
        block = tag.name in _BLOCKS
        if block:
            yield Block("", item=tag.name == "li" or tag.find_parent("li") is not None)
        for child in tag.children:
            yield from _pieces(child)
        if block:
            yield Block("")


def _anchor(tag: Tag) -> str:
    """The id of a heading, of an element in it, or of the section that it starts."""
    inner = tag.find(id=True)
    own = tag.get("id") or (inner.get("id") if isinstance(inner, Tag) else None)
    section = tag.parent if tag.parent is not None and tag.parent.name in ("section", "div") else None
    return str(own or (section.get("id") if section is not None else "") or "")


def _joined(pieces: Iterator[_Piece]) -> Iterator[Block]:
    words: list[str] = []
    item = False
    for piece in (*pieces, Block("")):
        if isinstance(piece, str):
            words.append(piece)
            continue
        if text := tidy("".join(words)):
            yield Block(text, item=item)
        words, item = [], piece.item
        if piece.level and piece.text:
            yield piece
