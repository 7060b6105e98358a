"""Parse plain text and reStructuredText into blocks: underlined headings, directives, roles, literal blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.documents.document import Block, Page, anchor_of, tidy

_RULE = re.compile(r"^([=\-~^\"'`#*+.:_<>])\1{2,}\s*$")
_DIRECTIVE = re.compile(r"^\s*\.\. (?:([\w:.-]+)::(.*)|.*)$")
_REMARKS = frozenset(("note", "warning", "tip", "important", "caution", "hint", "attention", "danger", "error"))
PROSE_DIRECTIVES = _REMARKS | frozenset(re.findall(r"\S+", """
versionadded versionchanged versionremoved deprecated admonition topic sidebar container compound highlights epigraph
pull-quote tabs tab group-tab tab-set tab-item dropdown details collapse card grid grid-item grid-item-card rst-class
"""))
"""Directives whose content is prose of the page. The argument of a remark is part of it, that of others a title."""
# Directives that document one object each: their argument is used as a heading.
_DESCRIBES = re.compile(r"^(?:\w+:)?(?:function|class|method|attribute|data|exception|module|option|confval|envvar|"
                        r"variable|command|property|setting|program|describe|object|macro|type)$|^(?:prop_\w+|"
                        r"signature)$")
# A .txt file that is reStructuredText.
_RST = re.compile(r"^\.\. [\w:-]+::", re.M)
_ROLE = re.compile(r":[\w:+.-]+:`[~!]?([^`]+?)(?:\s+<[^`>]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]+>`_{1,2}")
_LITERAL = re.compile(r"``(?!\s)(.+?)(?<!\s)``(?!`)")
_BARS = re.compile(r"(?<![\w|])\|(?![\s|])[^|]*?(?<!\s)\|(?![\w|])")
"""Text between bars, which is no column: a substitution, or an absolute value."""
_SUBSTITUTION = re.compile(r"^\.\. \|([^|\n]+)\| replace:: +(\S.*)$", re.M)
_TARGET = re.compile(r"^\.\. _(\w+):", re.M)
_NAMED = re.compile(r"``.+?``|\|([^|`\n]+)\||\b(\w+?)_(?![\w`])")
"""Literal text, a substitution, or a reference to a target."""
_ITEM = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,3}[.)]|\(?[a-z][.)]|#\.)\s+(?=\S)")
_FIELD = re.compile(r"^\s*:[\w ]+:(?:\s|$)")
_NUMBERED = re.compile(r"^\d+(?:\.\d+)*\.?\s+[A-Z][^.!?]{2,60}$")


def read_text(path: str, text: str) -> Page:
    """Parse a .txt or .rst file; the title is its first heading."""
    is_rst = path.lower().endswith(".rst") or bool(_RST.search(text))
    lines = [line.expandtabs(4).rstrip() for line in (_with_names(text) if is_rst else text).split("\n")]
    blocks = tuple(_blocks(lines, is_rst))
    return Page(path, next((block.text for block in blocks if block.level), ""), blocks)


def _with_names(text: str) -> str:
    """Put in the substitutions that the file defines, and the names of its targets."""
    substitutions, targets = dict(_SUBSTITUTION.findall(text)), {name.casefold() for name in _TARGET.findall(text)}

    def named(found: re.Match[str]) -> str:
        return found[2] if found[2] and found[2].casefold() in targets else substitutions.get(found[1], found[0])
    return _NAMED.sub(named, text) if substitutions or targets else text


def _blocks(lines: list[str], is_rst: bool) -> Iterator[Block]:
    """Headings and paragraphs (runs of lines); literal blocks and other directives are skipped by their indentation."""
    styles: dict[str, int] = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        if heading := _underlined(lines, at):
            text, style, at = heading
            level = styles.setdefault(style, min(len(styles) + 1, 6))
            yield Block(text, level, anchor_of(text))
        elif not is_rst and _NUMBERED.match(line) and _alone(lines, at):
            yield Block(line.strip(), 2, anchor_of(line))
            at += 1
        elif not line.strip() or _RULE.match(line.strip()) or (is_rst and _FIELD.match(line)):
            at += 1
        elif is_rst and (directive := _DIRECTIVE.match(line)):
            at, block = _directive(lines, at, directive)
            yield from block
        elif is_rst and _is_term(lines, at):
            text = _inline(line)
            yield Block(text, 6, anchor_of(text))
            at += 1
        else:
            at, block = _paragraph(lines, at)
            yield from block


def _underlined(lines: list[str], at: int) -> tuple[str, str, int] | None:
    """Text, style and next line number of a heading that is underlined, and perhaps overlined; else None."""
    over = bool(_RULE.match(lines[at])) and at + 2 < len(lines) and lines[at + 2][:1] == lines[at][:1]
    at += over
    if at + 1 >= len(lines) or not lines[at].strip() or _RULE.match(lines[at]) or not _RULE.match(lines[at + 1]):
        return None
    if len(lines[at + 1]) < min(len(lines[at].strip()), 4) or len(lines[at]) > 100:
        return None
    return _inline(lines[at]), f"{over}{lines[at + 1][0]}", at + 2


def _directive(lines: list[str], at: int, found: re.Match[str]) -> tuple[int, list[Block]]:
    """Admonitions keep their content, object descriptions become headings, other directives are skipped whole."""
    name, argument = (found[1] or "").lower(), (found[2] or "").strip()
    if name in PROSE_DIRECTIVES or name == "glossary":
        words = _inline(argument) if " " in argument and name in _REMARKS else ""
        return at + 1, [Block(words)] if words else []
    if _DESCRIBES.match(name) and argument:
        term = re.sub(r"\(.*", "", argument).split(",")[0].strip()
        return at + 1, [Block(_inline(term), 6, anchor_of(term))] if term else []
    return _after_indented(lines, at + 1, _indent(lines[at])), []


def _paragraph(lines: list[str], at: int) -> tuple[int, list[Block]]:
    """One paragraph or list item; the indented block after `::` is skipped."""
    first, start = lines[at], at
    item = _ITEM.match(first)
    at += 1
    while at < len(lines) and lines[at].strip() and not _ITEM.match(lines[at]) and not _DIRECTIVE.match(lines[at]):
        at += 1
    raw = " ".join(line.strip() for line in lines[start:at])
    text = _inline(raw[len(item[0].lstrip()):] if item else raw)
    if raw.endswith("::"):
        at, text = _after_indented(lines, at, _indent(first)), text.removesuffix(":")
    # A table or a drawing: at least two wide gaps in one line.
    drawn = any(len(re.findall(r"\S(?: {3,}|\s*\|\s*)(?=\S)", _BARS.sub("x", _LITERAL.sub("code", line)))) > 1
                for line in lines[start:at])
    return at, [] if drawn or "+--" in raw or not text else [Block(text, item=bool(item))]


def _after_indented(lines: list[str], at: int, indent: int) -> int:
    while at < len(lines) and (not lines[at].strip() or _indent(lines[at]) > indent):
        at += 1
    return at


def _is_term(lines: list[str], at: int) -> bool:
    """Whether a line is a definition list's term, with its definition indented right below."""
    before = lines[at - 1].strip() if at else ""
    return (not before and at + 1 < len(lines) and bool(lines[at + 1].strip()) and not _ITEM.match(lines[at])
            and _indent(lines[at + 1]) > _indent(lines[at]) and len(lines[at].split()) <= 8)


def _alone(lines: list[str], at: int) -> bool:
    return (at == 0 or not lines[at - 1].strip()) and (at + 1 == len(lines) or not lines[at + 1].strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _inline(text: str) -> str:
    """Remove the markup of links, roles and emphasis; code keeps single backticks, and its content as it is."""
    parts = _LITERAL.split(text)
    return tidy("".join(f"`{part}`" if number % 2 else _without_marks(part) for number, part in enumerate(parts)))


def _without_marks(text: str) -> str:
    text = _LINK.sub(r"\1", text.replace("``", "`"))
    text = _ROLE.sub(r"`\1`", text)
    text = re.sub(r"`([^`]+)`__?\b|(?<!\w)_`([^`]+)`", r"\1\2", text)
    text = re.sub(r"(?<![\w*])\*{1,2}(?=\S)([^*]+?)(?<=\S)\*{1,2}(?![\w*])", r"\1", text)
    return re.sub(r"\[[\w#*]+\]_", "", text)
