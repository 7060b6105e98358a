"""Remove what site generators and wikis add to Markdown: shortcodes, template marks, admonitions, roles, MDX, links.

Code is left alone. The marks are those of Hugo, Jekyll, Docusaurus, MkDocs, MyST, Pandoc, Kramdown, Obsidian and
GitHub.
"""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt

from knowledge.documents.text_parser import PROSE_DIRECTIVES

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
# Extensions of Docusaurus, Pandoc and Kramdown: admonition fences, attributes, GitHub's alerts.
_ADDED = re.compile(r"^(?::::.*|\s*\{:.*\}|\[\[?_?TOC_?\]?\][ \t]*|(\s*>\s*)\[!\w+\].*)$", re.M | re.I)
# MDX: a statement that begins a paragraph, alone on its line.
_STATEMENT = re.compile(
    r"(?:(?<=\n\n)|(?<![\s\S]))(?:(?:import\s+(?:(?:\w+|\{[^}]*\}|\*\s+as\s+\w+)(?:,\s*\{[^}]*\})?\s+from\s+)?"
    r"['\"][^'\"\n]+['\"];?|export\s+(?:default\s+\w+;|(?:default\s+)?(?:const|let|function|class)\s+\w+\s*[=({:].*))"
    r"[ \t]*(?:\n|\Z))+")
# MDX alone: statements of several lines up to a blank one, and marks of components around Markdown.
_MODULE = re.compile(r"(?:(?<=\n\n)|(?<![\s\S]))(?:import|export)\s(?:(?!\n[ \t]*\n)[\s\S])*")
_COMPONENT = re.compile(r"""</?[A-Z][\w.]*(?:\s(?:[^<>{}"']|"[^"]*"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\})*)?/?>|</?>""")
_IN_PARAGRAPH = r"(?:(?!\n[ \t]*\n)[\s\S])"
"""A character that does not end its paragraph."""
_INLINE_CODE = re.compile(rf"(?<!`)(`+)(?!`)({_IN_PARAGRAPH}*?)(?<!`)\1(?!`)")
_HTML_CODE = re.compile(rf"<(code|tt|kbd|samp)\b[^<>]*>((?:(?!`){_IN_PARAGRAPH})*?)</\1>", re.I)
_FOLDED = re.compile(r"([ \t]*)(?:(?:!!!|\?\?\?\+?)\s+\w.*|===\+?!?\s+\".*)")
"""A mark of MkDocs, under which four blanks stand before each line."""
_FOLD = "    "
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]:?")
_FOOTNOTE_TEXT = re.compile(r"^\[\^([^\]\s]+)\]:", re.M)
_WIKI_LINK = re.compile(r"!?\[\[([^\W\d_][^\[\]|\n]*?)(?:\|([^\[\]|\n]+))?\]\](?![(\[])")
"""A link of Obsidian, `[[page|text]]`, or of a wiki of GitHub, `[[text|page]]`; one with `!` embeds the page."""
_DIRECTIVE = re.compile(r"\{([\w-]+)\}")
_PRE = re.compile(r"\s*<pre\b", re.I)
_HIDDEN = "\ue000"
"""Stands around the number of hidden code; a character of no meaning, which no document needs."""
_PLACE = re.compile(f"{_HIDDEN}(\\d+){_HIDDEN}")
_ROLE = re.compile(rf"\{{[a-z][\w:.+-]*\}}(?={_HIDDEN}\d)")
"""The name of a role of MyST, before the code that is its content."""
_ROLE_CONTENT = re.compile(r"`[~!]?([^`]+?)(?:\s*<[^`<>]*>)?`")
_BLOCKS = MarkdownIt("commonmark").disable("inline")
_MDX_BLOCKS = MarkdownIt("commonmark").disable(["inline", "code"])
"""Indented text is no code in MDX."""


def without_additions(text: str, is_mdx: bool) -> str:
    """The text without what a site generator adds; what stands between code marks is left as it is.

    Args:
        text: Markdown without its front matter.
        is_mdx: whether it is MDX.
    """
    code: list[str] = []

    def hidden(found: re.Match[str]) -> str:
        code.append(found[0])
        return f"{_HIDDEN}{len(code) - 1}{_HIDDEN}"

    def without_role(found: re.Match[str]) -> str:
        number = int(found[1])
        code[number] = _ROLE_CONTENT.sub(r"`\1`", code[number])
        return f"{_HIDDEN}{number}{_HIDDEN}"

    text = _without_code_blocks(_unfolded(text.replace(_HIDDEN, "")), _MDX_BLOCKS if is_mdx else _BLOCKS)
    text = _INLINE_CODE.sub(hidden, _HTML_CODE.sub(_as_inline_code, text))
    text = re.sub(_ROLE.pattern + _PLACE.pattern, without_role, text)
    for block in _SHORTCODES:
        text = block.sub("\n", text)
    if is_mdx:
        text = _COMPONENT.sub("", _MODULE.sub("", text))
    text = _GLOSSARY.sub(r"\1", _COMMENT.sub("", _without_literal_marks(text)))
    text = _STATEMENT.sub("", _ADDED.sub("", _ALONE.sub("", _without_wrappers(_without_footnote_marks(text)))))
    text = _WIKI_LINK.sub(_text_of_link, text)
    return _PLACE.sub(lambda found: code[int(found[1])], text)


def _unfolded(text: str) -> str:
    """Drop marks such as `!!! note`, and move what is indented under them to their margin: it is prose and no code."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if found := _FOLDED.fullmatch(line):
            lines[at], after = "", at + 1
            while after < len(lines) and (not lines[after].strip() or lines[after].startswith(found[1] + _FOLD)):
                lines[after] = found[1] + lines[after][len(found[1] + _FOLD):]
                after += 1
    return "\n".join(lines)


def _without_code_blocks(text: str, parser: MarkdownIt) -> str:
    """The text with empty lines for code blocks, whether fenced, indented or in HTML; directives of MyST that hold
    prose lose their fences."""
    lines, unwrapped = text.split("\n"), False
    for token in parser.parse(text):
        first, after = token.map or (0, 0)
        directive = _DIRECTIVE.match(token.info.strip()) if token.type == "fence" else None
        if directive and directive[1] in PROSE_DIRECTIVES:
            lines[first], unwrapped = "", True
            if lines[after - 1].strip(" \t>").startswith(token.markup):
                lines[after - 1] = ""
        elif token.type in ("fence", "code_block") or (token.type == "html_block" and _PRE.match(token.content)):
            lines[first:after] = [""] * (after - first)
    text = "\n".join(lines)
    return _without_code_blocks(text, parser) if unwrapped else text


def _as_inline_code(found: re.Match[str]) -> str:
    """Code between marks of HTML, between those of Markdown."""
    return f"`{html.unescape(re.sub(r'<[^<>]*>', '', found[2]))}`"


def _text_of_link(found: re.Match[str]) -> str:
    """The words of a wiki's link; nothing for a page or picture that is embedded."""
    first, second = found[1].strip(), (found[2] or "").strip()
    if found[0].startswith("!"):
        return ""
    if not second:
        return first.replace("#", " ").removesuffix(".md")
    text_first = " " in first and re.fullmatch(r"[\w:/.#-]+[-:/.#][\w:/.#-]+", second)
    return first if text_first else second


def _without_footnote_marks(text: str) -> str:
    """Remove the marks of footnotes that the text has."""
    names = set(_FOOTNOTE_TEXT.findall(text))
    return _FOOTNOTE.sub(lambda found: "" if found[1] in names else found[0], text) if names else text


def _without_literal_marks(text: str) -> str:
    """Remove the marks around text that a generator leaves as it is; one that is never closed is left in its sentence,
    which is left out then."""
    marks = _LITERAL.findall(text)
    return _LITERAL.sub("", text) if len(marks) == 2 * sum("end" in mark for mark in marks) else text


def _without_wrappers(text: str) -> str:
    """Remove the marks, and not the text between them, of shortcodes that are opened and closed: in one paragraph, or
    where a line begins and another ends. Others are part of a sentence, which is left out then."""
    for name in {found[1] or found[2] for found in _PAIRED.finditer(text)}:
        word = re.escape(name)
        opening = rf"(?:\{{\{{[<%]\s*{word}\b[^}}\n]*[>%]\}}\}}|\{{%-?\s*{word}\b[^}}\n]*%\}})"
        closing = rf"(?:\{{\{{[<%]\s*/\s*{word}\s*[>%]\}}\}}|\{{%-?\s*end{word}\s*-?%\}})"
        text = re.sub(rf"{opening}({_IN_PARAGRAPH}*?){closing}", r"\1", text)
        text = re.sub(rf"^([ \t>*+\-\d.)]*){opening}|{closing}[ \t]*$", r"\1", text, flags=re.M)
    return text
