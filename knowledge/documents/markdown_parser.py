"""Parse Markdown into blocks, with front matter and MDX; drops what is not prose."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.documents.document import Block, Page, anchor_of, tidy
from knowledge.documents.markdown_additions import without_additions

_FRONT = re.compile(r"\A\s*(?P<fence>---|\+\+\+)[ \t]*\n(?P<body>.*?)\n(?P=fence)[ \t]*(?:\n|\Z)", re.S)
_TITLE = re.compile(r"^title:\s*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)\s*$", re.M)
_HTML_NAMES = frozenset(re.findall(r"\S+", """
a abbr acronym address b bdi bdo big br button cite code data del details dfn div em font i img input ins kbd label link
mark meter nobr object picture progress q rp rt ruby s samp script section small source span strike strong style sub
summary sup svg time tt u var video wbr audio iframe hr p center table tbody thead tr td th ul ol li dl dt dd figure
figcaption h1 h2 h3 h4 h5 h6 blockquote pre header footer nav main article aside
"""))
_TYPE = re.compile(r"<[A-Z]\w*>")
"""A type or a placeholder within a sentence; with its closing mark it is a component."""
_ATTRIBUTES = re.compile(r"\s*\{#([\w-]+)[^}]*\}\s*$|\s*\{[.:][^}]*\}\s*$")
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_MDX_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")
"""Indented text is no code in MDX."""


def read_markdown(path: str, text: str) -> Page:
    """Parse a Markdown file; the title is the one in the front matter, else the first H1."""
    front = _FRONT.match(text)
    body = text[front.end():] if front else text
    is_mdx = path.lower().endswith(".mdx")
    blocks = tuple(_blocks((_MDX_PARSER if is_mdx else _PARSER).parse(without_additions(body, is_mdx))))
    first = next((block.text for block in blocks if block.level == 1), "")
    return Page(path, (_front_title(front) if front else "") or first, blocks)


def _front_title(front: re.Match[str]) -> str:
    if front["fence"] == "+++":
        try:
            return str(tomllib.loads(front["body"]).get("title", ""))
        except tomllib.TOMLDecodeError:
            return ""
    found = _TITLE.search(front["body"])
    return found["title"].strip() if found else ""


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Headings and paragraphs; skips tables, code and raw HTML."""
    table, lists, level = False, 0, 0
    for token in tokens:
        table = token.type != "table_close" and (table or token.type == "table_open")
        lists += token.nesting if token.type.startswith(("bullet_list", "ordered_list")) else 0
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "inline" and not table:
            yield from _inline_block(token, level, lists > 0)
            level = 0


def _inline_block(token: Token, level: int, item: bool) -> Iterator[Block]:
    text = tidy("".join(_words(token.children or [])))
    attributes = _ATTRIBUTES.search(text)
    if attributes:
        text = text[:attributes.start()]
    if text and level:
        yield Block(text, level, (attributes and attributes[1]) or anchor_of(text))
    elif text:
        yield Block(text, item=item)


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    before, closed = "", {token.content for token in tokens if token.type == "html_inline"}
    for at, token in enumerate(tokens):
        if token.type == "text":
            yield token.content
        elif token.type == "code_inline":
            yield f"`{token.content.replace('`', '')}`"
        elif token.type in ("softbreak", "hardbreak") or (token.type == "html_inline" and token.content[:3] == "<br"):
            yield " "
        elif token.type == "html_inline" and (
                _is_of_the_text(token.content, before)
                or (before and tokens[at + 1:at + 2] and tokens[at + 1].type == "text"
                    and _TYPE.fullmatch(token.content) and f"</{token.content[1:]}" not in closed)):
            yield token.content
        before = token.content if token.type == "text" else ""


def _is_of_the_text(mark: str, before: str) -> bool:
    """Whether what stands between angle brackets is no element of HTML or MDX, but belongs to the sentence: a word such
    as `<file>`, the type of `List<String>`, or an instruction such as `<?php`, for which the sentence is left out."""
    if mark.startswith("<?") or (_TYPE.fullmatch(mark) and re.search(r"\w$", before)):
        return True
    name = re.fullmatch(r"<([a-z][\w-]*)>", mark)
    return bool(name) and name[1] not in _HTML_NAMES  # type: ignore[index]
