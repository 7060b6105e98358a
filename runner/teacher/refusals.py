"""Recognize a teacher's refusal in the words of its answer. Pure."""

from __future__ import annotations

import re

_REFUSAL = re.compile(r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:can(?:no|')t|do(?: not|n't) (?:know|have))|"
                      r"as an ai\b|"
                      r"(?:the )?(?:passage|text|context) (?:does(?: not|n't)|gives no|has no|provides no))", re.I)


def refusal_in(answer: str) -> str | None:
    """The words of an answer that refuse or disown it; None where there are none."""
    found = _REFUSAL.search(answer)
    return found[0] if found else None
