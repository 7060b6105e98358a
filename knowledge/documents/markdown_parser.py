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
# Shortcodes around code or a table are removed with their content. Each mark stands at the start of a line.
_SHORTCODES = (
    re.compile(r"^[ \t]*\{%-?\s*(highlight|code\w*|mermaid|comment)\b[^\n]*?%\}.*?"
               r"^[ \t]*\{%-?\s*end\1\s*-?%\}", re.S | re.M),
    re.compile(r"^[ \t]*\{\{([<%])\s*(highlight|mermaid|codenew|code_sample|table|figure|comment|tabs?)\b[^}\n]*"
               r"[>%]\}\}.*?^[ \t]*\{\{[<%]\s*/\s*\2\s*[>%]\}\}", re.S | re.M))
_GLOSSARY = re.compile(r"\{\{[<%]\s*glossary_tooltip\b[^}\n]*?\btext=\"([^\"\n]+)\"[^}\n]*[>%]\}\}")
# Marks without text of their own: literal text, and shortcodes that end elsewhere or are alone on their line. What is
# left of marks is part of a sentence, which is left out as a whole.
_LITERAL = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")
_PAIRED = re.compile(r"\{\{[<%]\s*/\s*(\w[\w-]*)\s*[>%]\}\}|\{%-?\s*end(\w+)\s*-?%\}")
_ALONE = re.compile(r"^[ \t]*(?:(?:\{\{[<%].*?[>%]\}\}|\{%.*?%\}|\{\{.*?\}\})[ \t]*)+$", re.M)
_COMMENT = re.compile(r"<!--.*?-->|^\s*\{/\*.*?\*/\}", re.S | re.M)
# Extensions of MkDocs, Docusaurus, Pandoc and Kramdown: admonition fences, attributes, GitHub's alerts.
_ADDED = re.compile(r"^(?::::.*|(?:!!!|\?\?\?\+?)\s+\w+.*|\s*\{:.*\}|\[\[?_?TOC_?\]?\][ \t]*|===\s+\".*|"
                    r"(\s*>\s*)\[!\w+\].*)$", re.M | re.I)
# MDX: a statement that begins a paragraph, alone on its line.
_STATEMENT = re.compile(
    r"(?:(?<=\n\n)|(?<![\s\S]))(?:(?:import\s+(?:(?:\w+|\{[^}]*\}|\*\s+as\s+\w+)(?:,\s*\{[^}]*\})?\s+from\s+)?"
    r"['\"][^'\"\n]+['\"];?|export\s+(?:default\s+\w+;|(?:default\s+)?(?:const|let|function|class)\s+\w+\s*[=({:].*))"
    r"[ \t]*(?:\n|\Z))+")
# MDX alone: statements of several lines up to a blank one, and marks of components around Markdown.
_MODULE = re.compile(r"(?:(?<=\n\n)|(?<![\s\S]))(?:import|export)\s(?:(?!\n[ \t]*\n)[\s\S])*")
_COMPONENT = re.compile(r"""</?[A-Z][\w.]*(?:\s(?:[^<>{}"']|"[^"]*"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\})*)?/?>|</?>""")
_INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n[ \t]*\n)[\s\S])*?)(?<!`)\1(?!`)")
_HTML_NAMES = frozenset(re.findall(r"\S+", """
a abbr acronym address b bdi bdo big br button cite code data del details dfn div em font i img input ins kbd label link
mark meter nobr object picture progress q rp rt ruby s samp script section small source span strike strong style sub
summary sup svg time tt u var video wbr audio iframe hr p center table tbody thead tr td th ul ol li dl dt dd figure
figcaption h1 h2 h3 h4 h5 h6 blockquote pre header footer nav main article aside
"""))
_ATTRIBUTES = re.compile(r"\s*\{#([\w-]+)[^}]*\}\s*$|\s*\{[.:][^}]*\}\s*$")
_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[^\n]*\n.*?^[ \t]*\2[`~]*[ \t]*$", re.S | re.M)
_HIDDEN = "\ue000"
"""Stands around the number of hidden code; a character of no meaning, which no document needs."""
_PLACE = re.compile(f"{_HIDDEN}(\\d+){_HIDDEN}")
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_MDX_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")
"""Indented text is no code in MDX."""


def read_markdown(path: str, text: str) -> Page:
    """Parse a Markdown file; the title is the one in the front matter, else the first H1."""
    front = _FRONT.match(text)
    body = text[front.end():] if front else text
    is_mdx = path.lower().endswith(".mdx")
    blocks = tuple(_blocks((_MDX_PARSER if is_mdx else _PARSER).parse(_without_additions(body, is_mdx))))
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


def _without_additions(text: str, is_mdx: bool) -> str:
    """The text without what a site generator adds; what stands between code marks is left as it is."""
    code: list[str] = []

    def hidden(found: re.Match[str]) -> str:
        code.append(found[0])
        return f"{_HIDDEN}{len(code) - 1}{_HIDDEN}"

    text = _INLINE_CODE.sub(hidden, _FENCE.sub("\n", text.replace(_HIDDEN, "")))
    for block in _SHORTCODES:
        text = block.sub("\n", text)
    if is_mdx:
        text = _COMPONENT.sub("", _MODULE.sub("", text))
    text = _GLOSSARY.sub(r"\1", _COMMENT.sub("", _without_literal_marks(text)))
    text = _STATEMENT.sub("", _ADDED.sub("", _ALONE.sub("", _without_wrappers(text))))
    return _PLACE.sub(lambda found: code[int(found[1])], text)


def _without_literal_marks(text: str) -> str:
    """Remove the marks around text that a generator leaves as it is; one that is never closed is left in its sentence,
    which is left out then."""
    marks = _LITERAL.findall(text)
    return _LITERAL.sub("", text) if len(marks) == 2 * sum("end" in mark for mark in marks) else text


def _without_wrappers(text: str) -> str:
    """Remove the marks, and not the text between them, of shortcodes that are opened and closed."""
    for name in {found[1] or found[2] for found in _PAIRED.finditer(text)}:
        text = re.sub(rf"\{{\{{[<%]\s*/?\s*{re.escape(name)}\b[^}}\n]*[>%]\}}\}}|"
                      rf"\{{%-?\s*(?:end)?{re.escape(name)}\b[^}}\n]*%\}}", "", text)
    return text


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
    before = ""
    for token in tokens:
        if token.type == "text":
            yield token.content
        elif token.type == "code_inline":
            yield f"`{token.content.replace('`', '')}`"
        elif token.type in ("softbreak", "hardbreak") or (token.type == "html_inline" and token.content[:3] == "<br"):
            yield " "
        elif token.type == "html_inline" and _is_of_the_text(token.content, before):
            yield token.content
        before = token.content if token.type == "text" else ""


def _is_of_the_text(mark: str, before: str) -> bool:
    """Whether what stands between angle brackets is no element of HTML or MDX, but belongs to the sentence: a word such
    as `<file>`, the type of `List<String>`, or an instruction such as `<?php`, for which the sentence is left out."""
    if mark.startswith("<?") or (re.fullmatch(r"<[A-Z]\w*>", mark) and re.search(r"\w$", before)):
        return True
    name = re.fullmatch(r"<([a-z][\w-]*)>", mark)
    return bool(name) and name[1] not in _HTML_NAMES  # type: ignore[index]
