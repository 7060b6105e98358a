"""Parse Markdown into blocks, with front matter, shortcodes of site generators and MDX; drops what is not prose."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.documents.document import Block, Page, anchor_of, tidy

_FRONT = re.compile(r"\A\s*(?P<fence>---|\+\+\+)[ \t]*\n(?P<body>.*?)\n(?P=fence)[ \t]*(?:\n|\Z)", re.S)
_TITLE = re.compile(r"^title:\s*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)\s*$", re.M)
# Shortcodes around code or a table are removed with their content; of others only the markers.
_SHORTCODES = (
    re.compile(r"\{%-?\s*(raw|highlight|code\w*|mermaid|comment)\b.*?%\}.*?\{%-?\s*end\1\s*-?%\}", re.S),
    re.compile(r"\{\{([<%])\s*(highlight|mermaid|codenew|code_sample|table|figure|comment|tabs?)\b[^}]*[>%]\}\}.*?"
               r"\{\{[<%]\s*/\s*\2\s*[>%]\}\}", re.S))
_GLOSSARY = re.compile(r"\{\{[<%]\s*glossary_tooltip\b[^}]*?\btext=\"([^\"]+)\"[^}]*[>%]\}\}")
_MARKS = re.compile(r"\{\{[<%].*?[>%]\}\}|\{%.*?%\}|\{\{.*?\}\}", re.S)
_COMMENT = re.compile(r"<!--.*?-->|^\s*\{/\*.*?\*/\}", re.S | re.M)
# Extensions of MDX, MkDocs, Docusaurus, Pandoc and Kramdown: imports, admonition fences, attributes, GitHub's alerts.
_ADDED = re.compile(r"^(?:import\s.+\sfrom\s+['\"].*|import\s+['\"].*|export\s+(?:const|default|function)\b.*|:::.*|"
                    r"(?:!!!|\?\?\?\+?)\s+\w+.*|\s*\{:.*\}|\[\[?_?TOC_?\]?\].*|===\s+\".*|"
                    r"(\s*>\s*)\[!\w+\].*)$", re.M | re.I)
_ATTRIBUTES = re.compile(r"\s*\{#([\w-]+)[^}]*\}\s*$|\s*\{[.:][^}]*\}\s*$")
_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[^\n]*\n.*?^[ \t]*\2[`~]*[ \t]*$", re.S | re.M)
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def read_markdown(path: str, text: str) -> Page:
    """Parse a Markdown file; the title is the one in the front matter, else the first H1."""
    front = _FRONT.match(text)
    body = text[front.end():] if front else text
    blocks = tuple(_blocks(_PARSER.parse(_without_additions(body))))
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


def _without_additions(text: str) -> str:
    text = _FENCE.sub("\n", text)
    for block in _SHORTCODES:
        text = block.sub("\n", text)
    text = _COMMENT.sub("", _GLOSSARY.sub(r"\1", text))
    return _ADDED.sub("", _MARKS.sub("", text))


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
    for token in tokens:
        if token.type == "text":
            yield token.content
        elif token.type == "code_inline":
            yield f"`{token.content.replace('`', '')}`"
        elif token.type in ("softbreak", "hardbreak") or (token.type == "html_inline" and token.content[:3] == "<br"):
            yield " "
