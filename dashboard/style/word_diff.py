"""Word-level diff of two texts as HTML with escaped content.

The only tags are `<del>`, `<ins>` and the surrounding `<div>`, all written here; every word of a model or teacher goes
through `html.escape`, so it cannot become markup. Changes are struck through or underlined as well as coloured.
"""

from __future__ import annotations

import difflib
import html
import re

MAX_CHARACTERS = 4000
"""Maximum length of either text; longer ones take too long to compare while a user waits."""
_FRAME = '<div style="white-space:pre-wrap;overflow-wrap:anywhere;font-size:0.9rem;line-height:1.55">{}</div>'
_DEL = '<del style="background:rgba(59,130,246,.22)">{}</del>'
_INS = '<ins style="background:rgba(249,115,22,.28)">{}</ins>'


def diff_html(before: str, after: str) -> str | None:
    """Diff `before` to `after`: removed words struck through, added words underlined; None if either is too long."""
    if max(len(before), len(after)) > MAX_CHARACTERS:
        return None
    old, new = _words(before), _words(after)
    parts = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            parts.append(html.escape(removed))
        else:
            parts.append(_DEL.format(html.escape(removed)) + " " if removed.strip() else "")
            parts.append(_INS.format(html.escape(added)) if added.strip() else html.escape(added))
    return _FRAME.format("".join(parts))


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\S+", text)
