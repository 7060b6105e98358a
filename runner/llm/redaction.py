"""Redact API keys, passwords and queries from every text that is shown or stored."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

NO_KEY = "no-key-needed"
"""Sent to servers that need no key; the library refuses to send a request without one."""

_SHORTEST_SECRET = 8
"""Characters of a key from which on it is replaced within words too."""
# Servers quote keys back, in part or whole ("Incorrect API key provided: sk-abc***xyz").
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]{4,}|(?<=Bearer )\S+")


def redact(text: str, key: str) -> str:
    """Replace the key, and anything that looks like one, in a text.

    Servers that need no key are given one like `token` or `none`: a short one is replaced as a whole word only, so that
    the name of an option around it stays.
    """
    if key != NO_KEY:
        within = re.escape(key)
        text = re.sub(within if len(key) >= _SHORTEST_SECRET else rf"(?<!\w){within}(?!\w)", "[key]", text)
    return _KEY_LIKE.sub("[key]", text)


def redact_url(address: str) -> str:
    """An address without user, password and query, as it may be shown."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
