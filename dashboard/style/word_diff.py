"""Two texts with what differs marked word by word, as HTML that holds nothing of theirs but escaped text.

Pure. The only tags are `<del>`, `<ins>` and the frame around them, all written here; a word of a model or teacher
goes through `html.escape` and nowhere else, so that it can be no markup. Marks are struck or underlined as well as
coloured.
"""

from __future__ import annotations

import difflib
import html
import re

MAX_CHARACTERS = 4000
"""Characters of either text; above that comparing takes longer than somebody waits."""
_FRAME = '<div style="white-space:pre-wrap;overflow-wrap:anywhere;font-size:0.9rem;line-height:1.55">{}</div>'
_DEL = '<del style="background:rgba(59,130,246,.22)">{}</del>'
_INS = '<ins style="background:rgba(249,115,22,.28)">{}</ins>'


def diff_html(before: str, after: str) -> str | None:
    """The second text against the first: what went struck, what came underlined; None where one is too long."""
    if max(len(before), len(after)) > MAX_CHARACTERS:
        return None
    old, new = _words(before), _words(after)
    parts = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            parts.append(html.escape(gone))
        else:
            parts.append(_DEL.format(html.escape(gone)) + " " if gone.strip() else "")
            parts.append(_INS.format(html.escape(came)) if came.strip() else html.escape(came))
    return _FRAME.format("".join(parts))


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\S+", text)
