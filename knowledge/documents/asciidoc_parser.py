"""Parse AsciiDoc into blocks: headings, paragraphs and list items; listings, tables and comments are skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.documents.document import Block, Page, anchor_of, tidy

_HEADING = re.compile(r"^(={1,6})\s+(\S.*)$")
_SKIPPED = re.compile(r"^(-{4,}|\.{4,}|/{4,}|\+{4,}|`{3,}.*|[|,:!]={3,})\s*$")
"""Delimiters of listings, literal text, comments, passthroughs and tables."""
_FRAME = re.compile(r"^(?:={4,}|\*{4,}|_{4,}|--)\s*$")
"""Delimiters of blocks that hold prose."""
_ATTRIBUTE = re.compile(r"^:([\w-]+):\s*(.*)$")
_LINE = re.compile(r"^(?:\[.*\]|//.*|\.[^\s.].*|\+|'''|<<<|"
                   r"(?:include|image|video|audio|toc|ifdef|ifndef|ifeval|endif)::.*)$")
"""Lines of their own: attributes of a block, comments, titles of blocks, macros, continuations, rules."""
_ITEM = re.compile(r"^\s*(?:\*+|-|\.+|\d+\.)\s+(?=\S)")
_TERM = re.compile(r"^(\S.*?)(?:::+|;;)(?:\s+(.*))?$")
_REMARK = re.compile(r"^(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION):\s+")
_CHARACTERS = {"nbsp": " ", "sp": " ", "empty": "", "zwsp": "", "plus": "+", "pp": "++", "cpp": "C++", "asterisk": "*",
               "caret": "^", "tilde": "~", "backtick": "`", "apos": "'", "quot": '"', "lsquo": "'", "rsquo": "'",
               "ldquo": '"', "rdquo": '"', "amp": "&", "deg": "\N{DEGREE SIGN}", "startsb": "[", "endsb": "]"}
"""Attributes that every AsciiDoc file has."""
_MACRO = re.compile(r"\b(kbd|btn|menu|footnote|indexterm2?|anchor):([^\s\[]*)\[([^\]]*)\]")
_CODE = re.compile(r"(`\+?)(.+?)(\+?`)|(?<!\w)\+(\S(?:.*?\S)?)\+(?!\w)")


def read_asciidoc(path: str, text: str) -> Page:
    """Parse an AsciiDoc file; the title is its first heading. Attributes that the file sets are put in."""
    blocks = tuple(_blocks([line.rstrip() for line in text.split("\n")]))
    return Page(path, next((block.text for block in blocks if block.level), ""), blocks)


def _blocks(lines: list[str]) -> Iterator[Block]:
    attributes = dict(_CHARACTERS)
    words: list[str] = []
    at, item = 0, False

    def paragraph() -> Iterator[Block]:
        if text := _inline(" ".join(words), attributes):
            yield Block(text, item=item)
        words.clear()

    while at < len(lines):
        line = lines[at]
        at += 1
        heading, attribute, skipped = _HEADING.match(line), _ATTRIBUTE.match(line), _SKIPPED.match(line)
        if skipped and not (words and line.startswith("`")):
            yield from paragraph()
            at = _after(lines, at, line)
        elif not line.strip() or heading or attribute or _LINE.match(line) or _FRAME.match(line):
            yield from paragraph()
            item = False
            if heading:
                title = _inline(heading[2], attributes)
                yield Block(title, len(heading[1]), anchor_of(title))
            elif attribute:
                attributes[attribute[1]] = attribute[2]
        elif found := _ITEM.match(line):
            yield from paragraph()
            words, item = [line[found.end():]], True
        elif not words and line[0] in " \t":
            at = _after_paragraph(lines, at)  # literal text
        elif not words and (term := _TERM.match(line)) and "`" not in line.partition("::")[2][:1]:
            yield Block(_inline(term[1], attributes), 6, anchor_of(term[1]))
            words = [term[2]] if term[2] else []
        else:
            words.append(_REMARK.sub("", line.strip()) if not words else line.strip())
    yield from paragraph()


def _after(lines: list[str], at: int, delimiter: str) -> int:
    """The line after a block's closing delimiter; without one the block goes to the end."""
    closing = "```" if delimiter.startswith("```") else delimiter
    return next((number + 1 for number in range(at, len(lines)) if lines[number] == closing), len(lines))


def _after_paragraph(lines: list[str], at: int) -> int:
    while at < len(lines) and lines[at].strip():
        at += 1
    return at


def _inline(text: str, attributes: dict[str, str]) -> str:
    """Remove the markup of links and emphasis, and put attributes in; code is left as it is."""
    parts: list[str] = []
    end = 0
    for found in _CODE.finditer(text):
        parts += [_without_marks(text[end:found.start()], attributes), f"`{(found[2] or found[4]).replace('`', '')}`"]
        end = found.end()
    return tidy("".join([*parts, _without_marks(text[end:], attributes)]))


def _without_marks(text: str, attributes: dict[str, str]) -> str:
    text = re.sub(r"\{([\w-]+)\}", lambda found: attributes.get(found[1], found[0]), text)
    text = re.sub(r"<<[^,>]+,\s*([^>]+)>>", r"\1", text)
    text = re.sub(r"(?:link:|xref:|https?://|mailto:)[^\s\[]+\[([^\],]+)[^\]]*\]", r"\1", _MACRO.sub(_said, text))
    text = re.sub(r"(?:(?<!\w)\[[.\w-]+\])?(?<!\w)([*_#]{1,2})(?=\S)([^*_#]+?)(?<=\S)\1(?!\w)", r"\2", text)
    text = re.sub(r"\(\(\(.*?\)\)\)|\s\+$|\[\[[\w:.-]+(?:,[^\]]*)?\]\]", "", text)
    return re.sub(r"\(\((?=[^\s(])([^()]+)(?<=\S)\)\)", r"\1", text)


def _said(macro: re.Match[str]) -> str:
    """What the reader sees of a macro within a sentence."""
    name, target, content = macro.groups()
    if name in ("kbd", "btn", "indexterm2"):
        return content
    if name == "menu":
        return " > ".join(part.strip() for part in (target, *content.split(">")) if part.strip())
    return ""
